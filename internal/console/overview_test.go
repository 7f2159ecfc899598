package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func TestOverview(t *testing.T) {
	b := newBed(t)
	b.samples("AttackSequence:EKS/CompromisedCluster")
	b.few(40, func(i int, f *finding.Finding) {
		at := finding.Timestamp(b.now.AddDate(0, 0, -i))
		f.UpdatedAt, f.Service.Archived = at, i%2 == 1
		f.Severity = []float64{9, 8, 5, 2}[i/2%4]
	})
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/")
	for i, want := range []string{"6 Critical", "5 High", "5 Medium", "5 Low"} {
		tile := r.all("li.tile a")[i]
		if textOf(tile) != want {
			t.Errorf("tile %d: %s, want %s", i, textOf(tile), want)
		}
		if n := len(titles(p.page(attr(tile, "href")))); !strings.HasPrefix(want, string(rune('0'+n))) {
			t.Errorf("%s leads to %d findings", want, n)
		}
	}
	r.wants("section[aria-labelledby=h-seq]", "AttackSequence:EKS/CompromisedCluster")
	bars := r.all("svg.bars a[href]")
	if len(bars) != 15 {
		t.Fatalf("%d bars", len(bars))
	}
	for _, bar := range bars {
		if got := titles(p.page(attr(bar, "href"))); len(got) == 0 || len(got) > 2 {
			t.Errorf("%s leads to %q", textOf(bar), got)
		}
	}
	r.wants("section[aria-labelledby=h-who]", "user-")
	r.wants("section[aria-labelledby=h-health]", "no sources")
	if r.has(".first") {
		t.Error("first steps are shown though there are findings")
	}
	if len(r.all("section[aria-labelledby=h-time] tbody tr")) != 30 {
		t.Error("the table has not 30 days")
	}
}

func TestOverviewHealth(t *testing.T) {
	b := newBed(t)
	key := store.SourceKey{Source: "k8s-audit", Account: account, Region: region, Cluster: "prod"}
	err := b.store.Commit(t.Context(), func(tx *store.Tx) error {
		if err := tx.TouchSource(key, b.now, b.now); err != nil {
			return err
		}
		row := func(outcome, reason string, n int64) store.LedgerRow {
			return store.LedgerRow{Source: key.Source, Account: key.Account, Region: key.Region, Cluster: key.Cluster, Outcome: outcome, Reason: reason, Count: n}
		}
		return tx.AddLedger([]store.LedgerRow{row("received", "", 1000), row("evaluated", "", 988), row("malformed", "not_json", 12)})
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.as(access.RoleReadOnly)
	r := p.page("/console/")
	r.wants("section[aria-labelledby=h-health]", "well 1 source of records", "12 records were not judged, of 1,000", "is not JSON", "not watched")
	if r.has(".first") {
		t.Error("first steps are shown though a source sends")
	}
	err = b.store.Commit(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(key, store.Unhealthy, "nothing came for 10 minutes")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.page("/console/").wants("section[aria-labelledby=h-health]", "unwell 0 of 1 source is well", "nothing came for 10 minutes")
}

// At the very first start there is no detector, and then nothing has arrived.
func TestFirstSteps(t *testing.T) {
	b := emptyBed(t, func(*console.Options) {})
	p := b.as(access.RoleAdmin)
	r := p.page("/console/")
	r.wants("h1", "No detector yet")
	if b.as(access.RoleReadOnly).page("/console/").has("form[action=/console/detector]") {
		t.Error("a reader is offered to create the detector")
	}
	if r := b.as(access.RoleReadOnly).post("/console/detector", nil); r.Code != http.StatusForbidden {
		t.Errorf("a reader created the detector: %d", r.Code)
	}
	r = p.change("/console/detector", nil)
	r.wants(".first", "vedette keys create --role ingest", "http://example.com/ingest/k8s-audit/test", "vedette kube webhook-config --server 'http://example.com'")
}
