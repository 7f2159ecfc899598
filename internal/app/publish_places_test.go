package app

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// pager is a service like PagerDuty's: it keeps which alerts are open.
type pager struct {
	*httptest.Server
	mu   sync.Mutex
	open map[string]bool
	said []string
}

func newPager(t *testing.T) *pager {
	p := &pager{open: map[string]bool{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			Action string `json:"event_action"`
			Key    string `json:"dedup_key"`
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open[e.Key] = e.Action == "trigger"
		p.said = append(p.said, e.Action)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(p.Close)
	return p
}

// has reports whether alerts were opened and so many are open.
func (p *pager) has(open int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, o := range p.open {
		if o {
			n++
		}
	}
	return len(p.open) > 0 && n == open
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPublishResolved: the alert of a finding ends when the finding is archived,
// and opens again with it; not where that is switched off.
func TestPublishResolved(t *testing.T) {
	ends, stays := newPager(t), newPager(t)
	off := false
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		key := written(t, "routing-key")
		c.Publish.Targets = []config.Target{
			{Name: "ends", Type: "pagerduty", URL: ends.URL, TokenFile: key, From: "all", MaxPerSecond: 1000},
			{Name: "stays", Type: "pagerduty", URL: stays.URL, TokenFile: key, From: "all", Resolve: &off, MaxPerSecond: 1000},
		}
	})
	mustPush(t, a, "prod", attack("mallory", 1))
	until(t, "both are told", func() bool { return ends.has(1) && stays.has(1) })
	found := stored(t, a)
	if len(found) != 1 {
		t.Fatalf("%d findings", len(found))
	}
	archive := func(archived bool) {
		t.Helper()
		if err := a.keys.store.SetArchived(t.Context(), found[0].Service.DetectorID, []string{found[0].ID}, archived); err != nil {
			t.Fatal(err)
		}
	}
	archive(true)
	until(t, "the alert ends", func() bool { return ends.has(0) })
	archive(false)
	until(t, "it is open again", func() bool { return ends.has(1) })
	if !stays.has(1) || len(stays.said) != 1 {
		t.Errorf("the target that is not told of ends heard %q", stays.said)
	}
}

// TestPublishPlaces: targets take their secrets from files, and give them to
// nobody but whom they are for: not to errors, nor to where a server points.
func TestPublishPlaces(t *testing.T) {
	const secretText = "s3cr3t-of-a-file"
	thief := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		t.Errorf("a redirect was followed: %s %v %s", r.URL, r.Header, body)
	}))
	defer thief.Close()
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "Bearer "+secretText {
			t.Errorf("token %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", thief.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = io.WriteString(w, "go away with "+secretText)
	}))
	defer server.Close()
	ca := written(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	file := written(t, secretText+"\n")
	c := config.Default()
	sample, _ := finding.Lookup("Execution:Kubernetes/ExecInKubeSystemPod")
	e := publish.FindingEvent(finding.Sample(sample, c.Account, c.Region, time.Now()), time.Now())
	for _, x := range []config.Target{
		{Name: "events", Type: "kubernetes-events", Cluster: "c", URL: server.URL, CAFile: ca, TokenFile: file},
		{Name: "reports", Type: "policyreport", Cluster: "c", URL: server.URL, CAFile: ca, TokenFile: file},
		{Name: "kafka", Type: "kafka", Brokers: []string{"127.0.0.1:1"}, Topic: "t", User: "u", TokenFile: file},
		{Name: "unknown", Type: "policyreport", Cluster: "c", URL: server.URL, TokenFile: file}, // who vouches for the server?
	} {
		built, err := BuildTarget(t.Context(), c, &x, time.Now, "1")
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		err = built.Target.Send(t.Context(), []publish.Event{e})
		if err == nil || strings.Contains(err.Error(), secretText) {
			t.Errorf("%s: %v", x.Name, err)
		}
		if x.Name == "unknown" && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a server that nobody vouches for: %v", err)
		}
	}
	if asked != 2 {
		t.Errorf("the server was asked %d times", asked)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := BuildTarget(t.Context(), c, &config.Target{Name: "x", Type: "policyreport", Cluster: "c"}, time.Now, ""); err == nil || !strings.Contains(err.Error(), "does not run in a cluster") {
		t.Errorf("outside a cluster: %v", err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	if _, err := BuildTarget(t.Context(), c, &config.Target{Name: "x", Type: "policyreport", Cluster: "c"}, time.Now, ""); err == nil || !strings.Contains(err.Error(), "serviceaccount/token") {
		t.Errorf("without a service account: %v", err)
	}
}
