package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/store"
)

// commit writes to the bed's store.
func (b *bed) commit(fn func(tx *store.Tx) error) {
	b.Helper()
	if err := b.store.Commit(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

// receive notes that records of a source came, and how they ended.
func (b *bed) receive(k store.SourceKey, ended map[string]int64) {
	b.Helper()
	b.commit(func(tx *store.Tx) error {
		var rows []store.LedgerRow
		for outcome, n := range ended {
			name, reason, _ := strings.Cut(outcome, " ")
			rows = append(rows, store.LedgerRow{Source: k.Source, Account: k.Account, Region: k.Region, Cluster: k.Cluster, Outcome: name, Reason: reason, Count: n})
		}
		if err := tx.AddLedger(rows); err != nil {
			return err
		}
		return tx.TouchSource(k, b.now, b.now.Add(-90*time.Second))
	})
}

func audit(account, cluster string) store.SourceKey {
	return store.SourceKey{Source: "k8s-audit", Account: account, Region: region, Cluster: cluster}
}

func TestCoverageTellsOfEverySource(t *testing.T) {
	b := newBed(t)
	b.receive(audit(account, "prod"), map[string]int64{"received": 1500, "evaluated": 1480, "duplicate seen_before": 10, "malformed not_json": 7, "dropped detector_disabled": 3, "late": 4})
	b.commit(func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(audit(account, "prod"), store.Unhealthy, "No records received:the last one came long ago")
		return err
	})
	p := b.as(access.RoleReadOnly).page("/console/coverage")
	p.wants("#balance", "1,500 in", "1,480 evaluated", "10 duplicate", "7 malformed", "3 dropped", "balanced")
	p.wants("#sources", "Kubernetes audit log", "prod", "unhealthy", "No records received: the last one", "1 min 30 s", "4 came late", "even",
		"7 malformed: is not JSON", "3 dropped: its analysis is switched off")
	p.wants("#gaps", "Runtime sensor: nothing was ever heard", "vedette kube sensor --help", "CloudTrail: nothing", "DNS query logs: nothing")
	if text := p.text("#gaps"); strings.Contains(text, "Kubernetes audit log:") {
		t.Errorf("what comes is said not to be covered:\n%s", text)
	}
}

func TestCoverageSaysWhatIsMissing(t *testing.T) {
	b := newBed(t)
	b.receive(audit(account, "prod"), map[string]int64{"received": 12, "evaluated": 9})
	p := b.as(access.RoleReadOnly).page("/console/coverage")
	p.wants("#balance", "3 missing: records are missing from the accounting")
	p.wants("#sources", "3 missing")
}

func TestCoverageOfClustersWithoutSensors(t *testing.T) {
	b := newBed(t)
	b.receive(audit(account, "prod"), map[string]int64{"received": 1, "evaluated": 1})
	b.receive(audit(account, "it's"), map[string]int64{"received": 1, "evaluated": 1})
	sensed := audit(account, "prod")
	sensed.Source = "runtime"
	b.receive(sensed, map[string]int64{"received": 1, "evaluated": 1})
	b.commit(func(tx *store.Tx) error {
		return tx.PutNode(&store.Node{
			NodeKey: store.NodeKey{Account: account, Region: region, Cluster: "prod", Name: "worker-1"}, Sensor: "vedette", Version: "1.2.3", Kernel: "6.1",
			Since: b.now.Add(-time.Hour), Heard: b.now.Add(-10 * time.Minute), Lost: 5, Gap: 2, Missing: []string{"bpf"},
		})
	})
	p := b.as(access.RoleReadOnly).page("/console/coverage")
	p.wants("#gaps", "Cluster it's: its audit log comes, and no sensor", `--cluster 'it'\''s'`)
	p.wants("#nodes", "0 of 1 nodes", "worker-1", "Sensor not reporting", "vedette 1.2.3", "Linux 6.1", "cannot see: bpf", "5 events on nodes, 2 on the way")
}

func TestCoverageIsOfTheOwnAccount(t *testing.T) {
	b := newBed(t)
	b.receive(audit(account, "secret-cluster"), map[string]int64{"received": 77, "evaluated": 77})
	b.receive(audit(other, "theirs"), map[string]int64{"received": 3, "evaluated": 3})
	p := b.of(access.RoleAdmin, other).page("/console/coverage")
	p.wants("#sources", "theirs")
	p.wants("#balance", "3 in")
	if text := p.text("main"); strings.Contains(text, "secret-cluster") || strings.Contains(text, "published") {
		t.Errorf("another account sees what is not its own:\n%s", text)
	}
}

func TestCoverageOfTargets(t *testing.T) {
	b := newBedWith(t, func(o *console.Options) { o.Targets = []console.Target{{Name: "chat", Type: "slack"}} })
	if err := b.store.PutPublishStatus(t.Context(), "chat", []byte(`{"sent":4,"error":"no route to host","since":"2026-03-04T12:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	moved, err := b.store.StepPublish(t.Context(), store.PublishStep{Target: "chat", Cursor: "publish:chat", To: []byte(store.FirstChange),
		Dead: []store.DeadLetter{{Event: "e1", Reason: "400 <b>bad</b>", Data: []byte(`{}`), At: b.now}}})
	if err != nil || !moved {
		t.Fatal(moved, err)
	}
	p := b.as(access.RoleReadOnly)
	p.page("/console/coverage").wants("#targets", "chat", "slack", "failing", "no route to host")
	page := p.page("/console/destinations/targets/chat")
	page.wants("main", "no route to host", "1 dead letter", "400 <b>bad</b>", "unreadable")
	if r := p.get("/console/destinations/targets/other"); r.Code != 404 {
		t.Errorf("an unknown target gave %d", r.Code)
	}
}

func TestCoverageShowsManySourcesInPages(t *testing.T) {
	b := newBed(t)
	for i := range 130 {
		b.receive(audit(account, "cluster-"+strings.Repeat("x", i%60)+string(rune('a'+i%26))+strings.Repeat("y", i/26)), map[string]int64{"received": 1, "evaluated": 1})
	}
	p := b.as(access.RoleReadOnly)
	first := p.page("/console/coverage")
	if n := first.Body.Len(); n > 100_000 {
		t.Errorf("the page has %d bytes", n)
	}
	links := first.all("#sources nav.pages a[rel=next]")
	if len(links) != 1 {
		t.Fatal("there is no next page")
	}
	second := p.page(attr(links[0], "href"))
	if n := len(second.all("table.ledger tbody th")); n != 30 {
		t.Errorf("the second page has %d sources, want 30", n)
	}
	if n := len(first.all("table.ledger tbody th")); n != 100 {
		t.Errorf("the first page has %d sources, want 100", n)
	}
}
