package app

import (
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestMetrics: the page has every metric that the manual names, and its counts
// are those of the records pushed.
func TestMetrics(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	mustPush(t, a, "prod", attack("mallory", 20_000), benign("jane", 20_001), attack("mallory", 20_000))
	mustPush(t, a, "prod", benign("jane", 1)) // 20 seconds late
	cut := benign("jane", 20_002)
	// One is cut by the log service, one is no JSON, one is of an unknown version.
	body := cut[:len(cut)-30] + "[Truncated...]\nhello\n" + strings.Replace(benign("jane", 20_003), "k8s.io/v1", "k8s.io/v9", 1) + "\n"
	if code := push(t, a, "prod", body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	settle(t, a)
	if err := a.lookAtSources(t.Context()); err != nil { // as it does every few seconds
		t.Fatal(err)
	}
	until(t, "the metrics have every commit", func() bool {
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		return samples(t, page)["vedette_store_commit_seconds_count"] >= 1
	})
	status, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	manual, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(vedette_[a-z_]+)").FindAllStringSubmatch(string(manual), -1)
	if len(names) < 7 {
		t.Fatalf("the manual names only %v", names)
	}
	for _, n := range names {
		if !strings.Contains(page, "\n# TYPE "+n[1]+" ") {
			t.Errorf("the page lacks %s", n[1])
		}
	}
	got := samples(t, page)
	want := map[string]float64{
		`vedette_detect_records_total{cluster="prod",outcome="evaluated",reason="",source="k8s-audit"}`:                    4,
		`vedette_detect_records_total{cluster="prod",outcome="duplicate",reason="seen_before",source="k8s-audit"}`:         1,
		`vedette_detect_records_total{cluster="prod",outcome="malformed",reason="not_json",source="k8s-audit"}`:            1,
		`vedette_detect_records_total{cluster="prod",outcome="malformed",reason="unsupported_version",source="k8s-audit"}`: 1,
		`vedette_detect_marked_records_total{cluster="prod",mark="late",source="k8s-audit"}`:                               1,
		`vedette_detect_marked_records_total{cluster="prod",mark="truncated",source="k8s-audit"}`:                          1,
		`vedette_detect_findings_total`:                                                  1,
		`vedette_ingest_pushes_total{code="200"}`:                                        3,
		`vedette_build_info{version="test"}`:                                             1,
		`vedette_detect_last_event_timestamp_seconds{cluster="prod",source="k8s-audit"}`: float64(begin.Add(20 * time.Second).Unix()),
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %v, want %v", k, got[k], v)
		}
	}
	sum := 0.0
	for k, v := range got {
		if strings.HasPrefix(k, "vedette_detect_records_total{") {
			sum += v
		}
	}
	if sum != 7 {
		t.Errorf("%v records are accounted for, 7 were pushed", sum)
	}
	kept := ledger(t, a.keys.store)
	maps.DeleteFunc(kept, func(k string, _ int64) bool {
		return k == event.MarkLate || k == event.MarkTruncated || k == string(event.Received)
	})
	inStore := int64(0)
	for _, n := range kept {
		inStore += n
	}
	if inStore != 7 {
		t.Errorf("the store accounts for %d records: %v", inStore, kept)
	}
}

// samples reads the text format of Prometheus.
func samples(t *testing.T, page string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out[line[:at]] = v
	}
	return out
}

// TestHealth: alive is who answers; ready is who can keep records.
func TestHealth(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Server.DrainTimeout = time.Second }) // it ends without its store
	health := func() (live, ready int) {
		live, _ = get(t, "http://"+a.MetricsAddr+"/livez")
		ready, _ = get(t, "http://"+a.MetricsAddr+"/readyz")
		return live, ready
	}
	if live, ready := health(); live != 200 || ready != 200 {
		t.Errorf("livez %d, readyz %d", live, ready)
	}
	if status, _ := get(t, "http://"+a.Addr+"/metrics"); status == 200 {
		t.Error("the metrics are served to everybody who reaches the API")
	}
	if err := a.keys.store.Close(); err != nil {
		t.Fatal(err)
	}
	if live, ready := health(); live != 200 || ready != 503 {
		t.Errorf("without a store: livez %d, readyz %d", live, ready)
	}
	if code := push(t, a, "prod", eventList([]string{attack("mallory", 1)})); code != http.StatusOK {
		t.Errorf("a push is answered %d, though the journal can keep it until there is a store", code)
	}
}
