package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// sensorLine is the n-th record of a run of a node's sensor, at so many seconds.
func sensorLine(node, run string, n, seconds int, st *event.Status) string {
	r := event.Runtime{
		Version: event.RuntimeVersion, Kind: event.KindFork, Time: begin.Add(time.Duration(seconds) * time.Second),
		Sensor: event.Sensor{Name: "vedette", Version: "0.5.0", Session: run, Sequence: uint64(n)}, Node: event.Node{Name: node, Kernel: "6.12.0"},
		Process: &event.Process{UUID: fmt.Sprint("p", n), PID: n, Name: "true", Executable: "/bin/true"}, Status: st,
	}
	if st != nil {
		r.Kind, r.Process = event.KindStatus, nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// sensorLines are the records from one number on to another.
func sensorLines(node, run string, from, to int) (out []string) {
	for n := from; n <= to; n++ {
		out = append(out, sensorLine(node, run, n, n, nil))
	}
	return out
}

// sent is a body as a sensor sends it.
func sent(t testing.TB, lines []string) []byte {
	t.Helper()
	zw, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return zw.EncodeAll([]byte(strings.Join(lines, "\n")+"\n"), nil)
}

func pushSensor(t *testing.T, a *App, path string, lines ...string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.Addr+path, bytes.NewReader(sent(t, lines)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "zstd")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	settle(t, a)
}

// TestSensorsAccounted: what is sent again counts once, and what never came
// counts once as lost, also when the server ends in between; in both databases.
func TestSensorsAccounted(t *testing.T) {
	t.Parallel()
	play := func(t *testing.T, a *App, again func() *App) {
		const path = "/ingest/runtime/prod"
		pushSensor(t, a, path, sensorLines("node-a", "run-1", 1, 40)...)
		pushSensor(t, a, path, sensorLines("node-a", "run-1", 31, 60)...)
		pushSensor(t, a, path, append(sensorLines("node-a", "run-1", 81, 90), sensorLines("node-b", "run-7", 1, 5)...)...)
		a = again()
		pushSensor(t, a, path, sensorLines("node-a", "run-1", 71, 80)...) // 61 to 70 are missing
		pushSensor(t, a, path, sensorLine("node-a", "run-1", 91, 120, &event.Status{Lost: map[string]int64{"ring_buffer": 5}}))
		pushSensor(t, a, path, sensorLine("node-a", "run-1", 91, 120, &event.Status{Lost: map[string]int64{"ring_buffer": 5}}))
		a = again()
		pushSensor(t, a, path, sensorLine("node-a", "run-1", 92, 2000, &event.Status{Lost: map[string]int64{"ring_buffer": 6}}))
		pushSensor(t, a, path, sensorLine("node-b", "run-8", 1, 2000, &event.Status{Before: &event.Session{ID: "run-7", Sequence: 8}}))
		want := map[string]int64{"evaluated": 40 + 20 + 10 + 5 + 10 + 2 + 1, "duplicate/seen_before": 10 + 1, "dropped/sensor_gap": 10 + 3, "dropped/sensor_lost": 6}
		for key, n := range want {
			if key != "received" {
				want["received"] += n
			}
		}
		if d := cmp.Diff(want, ledger(t, a.keys.store)); d != "" {
			t.Error(d)
		}
		nodes, err := a.keys.store.Nodes(t.Context(), time.Unix(0, 0))
		if err != nil || len(nodes) != 2 || nodes[0].Gap != 10 || nodes[0].Lost != 6 || nodes[1].Gap != 3 || nodes[1].Session != "run-8" || nodes[0].Version != "0.5.0" {
			t.Errorf("%v %+v", err, nodes)
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		dir := t.TempDir()
		a := startApp(t, dir, nil)
		play(t, a, func() *App {
			if err := a.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = startApp(t, dir, nil)
			return a
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		s := newShared(t, 1)
		n := 0
		start := func() *App { n++; return s.start(t, fmt.Sprint("s", n), "all") }
		a := start()
		play(t, a, func() *App {
			if err := a.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = start()
			return a
		})
	})
}

// TestSensorCoverage: a node whose sensor is missing, silent or loses records
// is shown everywhere with its reason, and one that was drained is not.
func TestSensorCoverage(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := startWith(t, t.TempDir(), "all", now, nil)
	st, id := enableRuntime(t, a, true)
	n := map[string]int{}
	say := func(node string, status *event.Status) {
		t.Helper()
		if n[node]++; status == nil {
			status = &event.Status{}
		}
		pushSensor(t, a, "/ingest/runtime/prod", sensorLine(node, "run-"+node, n[node], int(time.Duration(ahead.Load())/time.Second), status))
	}
	pass := func(d time.Duration) { ahead.Add(int64(d)) }
	check := func(what, status, issue string, covered, expected int) {
		t.Helper()
		if err := a.lookAtSources(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := st.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.SourceKey.Source == "runtime" && (s.Cluster != "prod" || s.Status != status || !strings.HasPrefix(s.Issue, issue) || issue == "" && s.Issue != "") {
				t.Errorf("%s: %s is %s: %q, want %s %q", what, s.Cluster, s.Status, s.Issue, status, issue)
			}
		}
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		m := samples(t, page)
		if m[`vedette_ingest_sensor_nodes{cluster="prod",state="covered"}`] != float64(covered) || m[`vedette_ingest_sensor_nodes{cluster="prod",state="expected"}`] != float64(expected) {
			t.Errorf("%s: metrics say %v of %v", what, m[`vedette_ingest_sensor_nodes{cluster="prod",state="covered"}`], m[`vedette_ingest_sensor_nodes{cluster="prod",state="expected"}`])
		}
		_, ready := get(t, "http://"+a.MetricsAddr+"/readyz")
		if strings.Contains(ready, "sensors are missing or lose records in: prod") != (status == store.Unhealthy) {
			t.Errorf("%s: readyz says %s", what, ready)
		}
	}
	say("node-a", nil)
	say("node-b", nil)
	check("both talk", store.Healthy, "", 2, 2)
	pass(4 * time.Minute)
	say("node-b", nil)
	check("one is silent", store.Unhealthy, "Sensor not reporting:node-a (last heard at ", 1, 2)
	say("node-a", &event.Status{Ending: true})
	check("it says that it ends", store.Healthy, "", 1, 1)
	mustPush(t, a, "prod", kubelet("node-c", 1))
	check("a node starts", store.Healthy, "", 1, 1)
	pass(6 * time.Minute)
	say("node-b", nil)
	mustPush(t, a, "prod", kubelet("node-c", 2))
	check("a node has no sensor", store.Unhealthy, "Sensor missing:node-c", 1, 2)
	mustPush(t, a, "prod", record("jane", 3, `"level":"Metadata","stage":"ResponseComplete","verb":"delete","requestURI":"/api/v1/nodes/node-c","objectRef":{"resource":"nodes","name":"node-c","apiVersion":"v1"},"responseStatus":{"code":200}`))
	check("it is gone", store.Healthy, "", 1, 1)
	say("node-b", &event.Status{Lost: map[string]int64{"ring_buffer": 7}})
	check("records were lost", store.Unhealthy, "Sensor losing events:node-b (7 lost on the node", 0, 1)
	for range 8 {
		pass(2 * time.Minute)
		say("node-b", &event.Status{Lost: map[string]int64{"ring_buffer": 7}})
	}
	check("no more", store.Healthy, "", 1, 1)

	setRuntime := func(on bool) {
		t.Helper()
		err := st.UpdateDetector(t.Context(), id, func(d *finding.Detector) error { d.Features[1].Enabled, d.Features[1].Chosen = on, true; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	before := ledger(t, st)
	setRuntime(false)
	say("node-b", nil)
	say("node-b", nil)
	check("it is switched off", store.Unhealthy, "Runtime Monitoring disabled:", 1, 1)
	setRuntime(true)
	pass(time.Minute)
	say("node-b", nil)
	pass(15 * time.Minute)
	say("node-b", nil)
	check("it is on again", store.Healthy, "", 1, 1)
	after := ledger(t, st)
	if after["dropped/detector_disabled"]-before["dropped/detector_disabled"] != 2 || after["dropped/sensor_gap"] != 0 {
		t.Errorf("%v, then %v", before, after)
	}
}

// kubelet is a record of a kubelet at work.
func kubelet(node string, n int) string {
	return record(kubeletUser+node, n, `"level":"Metadata","stage":"ResponseComplete","verb":"update","requestURI":"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/x",`+
		`"objectRef":{"resource":"leases","namespace":"kube-node-lease","name":"x","apiGroup":"coordination.k8s.io","apiVersion":"v1"},"responseStatus":{"code":200}`)
}

// enableRuntime makes a detector with the two features that switch sensors.
func enableRuntime(t *testing.T, a *App, on bool) (st *store.Store, id string) {
	t.Helper()
	id = finding.DetectorID(a.Config.Account, a.Config.Region)
	err := a.keys.store.CreateDetector(t.Context(), finding.Detector{
		ID: id, Account: a.Config.Account, Region: a.Config.Region, Enabled: true,
		Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING"}, {Name: "RUNTIME_MONITORING", Enabled: on}, {Name: "EKS_AUDIT_LOGS", Enabled: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a.keys.store, id
}

// TestSensorFeatures: either of the two features switches sensors on, and only
// somebody's choice off.
func TestSensorFeatures(t *testing.T) {
	ev := &event.Event{Runtime: &event.Runtime{}}
	for _, tc := range []struct {
		d   finding.Detector
		off bool
	}{
		{finding.Detector{Enabled: true}, false},
		{finding.Detector{Enabled: false}, true},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING"}, {Name: "RUNTIME_MONITORING"}}}, false},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING"}, {Name: "RUNTIME_MONITORING", Chosen: true}}}, true},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING", Enabled: true, Chosen: true}, {Name: "RUNTIME_MONITORING", Chosen: true}}}, false},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING", Enabled: true}, {Name: "RUNTIME_MONITORING"}}}, false},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_RUNTIME_MONITORING"}, {Name: "RUNTIME_MONITORING", Enabled: true}}}, false},
		{finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_AUDIT_LOGS"}, {Name: "FLOW_LOGS"}}}, false},
	} {
		if got := planOf(&tc.d).off(ev); got != tc.off {
			t.Errorf("%+v: off %v", tc.d, got)
		}
	}
}

// TestSensorScope: nodes say which cluster they are of; one push may hold several.
func TestSensorScope(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Cluster = "own" })
	in := func(cluster string, n int) string {
		return strings.Replace(sensorLine("node-"+cluster, "run-"+cluster, n, n, nil), `"node":{`, `"node":{"cluster":"`+cluster+`",`, 1)
	}
	pushSensor(t, a, "/ingest/runtime", in("x", 1), in("y", 1), sensorLine("node-own", "run-own", 1, 1, nil), in("x", 2))
	pushSensor(t, a, "/ingest/falco/z", `{"hostname":"node-z","output":"o","output_fields":{"proc.name":"sh","evt.type":"x"},"priority":"Notice","rule":"r","source":"syscall","time":"2026-01-31T12:00:00Z"}`)
	rows, err := a.keys.store.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, r := range rows {
		if r.Outcome == "evaluated" {
			got[r.Source+"/"+r.Cluster] += r.Count
		}
	}
	if d := cmp.Diff(map[string]int64{"runtime/x": 2, "runtime/y": 1, "runtime/own": 1, "runtime/z": 1}, got); d != "" {
		t.Error(d)
	}
}

// TestSensorScan: a recording is read from a file as it is, compressed too.
func TestSensorScan(t *testing.T) {
	dir := t.TempDir()
	lines := sensorLines("node-a", "run-1", 5, 104)
	plain, packed := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl.zst")
	if err := os.WriteFile(plain, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packed, sent(t, lines), 0o600); err != nil {
		t.Fatal(err)
	}
	r := scanPaths(t, plain, packed)
	if r.Ledger.Records() != 200 || r.Ledger.Outcomes[event.Evaluated] != 100 || r.Ledger.Outcomes[event.Duplicate] != 100 {
		t.Errorf("%+v", r.Ledger)
	}
}

// TestSensorsKilled kills the real server while sensors push, each batch until
// it is acknowledged, sometimes once more: nothing is lost, nothing counts twice.
func TestSensorsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills a server for several seconds")
	}
	t.Parallel()
	s := newKilled(t)
	s.start()
	done := make(chan struct{})
	var wg sync.WaitGroup
	numbers := make([]int, 4)
	for i := range numbers {
		wg.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			node, run := fmt.Sprint("node-", i), fmt.Sprint("run-", i)
			for {
				select {
				case <-done:
					return
				default:
				}
				to := numbers[i] + 1 + rand.IntN(40)
				body := sent(t, sensorLines(node, run, numbers[i]+1, to))
				for times := 1 + rand.IntN(2); times > 0; {
					res, err := client.Post("http://"+s.addr+"/ingest/runtime/prod", "", bytes.NewReader(body)) // known as zstd by its content
					if err != nil {
						time.Sleep(5 * time.Millisecond)
						continue
					}
					res.Body.Close()
					if res.StatusCode == http.StatusOK {
						times--
					}
				}
				numbers[i] = to
			}
		})
	}
	for range 5 {
		time.Sleep(time.Duration(200+rand.IntN(400)) * time.Millisecond) // the random moment is the test
		s.kill()
		s.start()
	}
	close(done)
	wg.Wait()
	s.stop()
	st, err := store.Open(t.Context(), StoreFile(s.dir), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	total := int64(0)
	for _, n := range numbers {
		total += int64(n)
	}
	got := ledger(t, st)
	if got["evaluated"] != total || got["dropped"]+got["dropped/sensor_gap"] != 0 || got["received"] != total+got["duplicate/seen_before"] || got["duplicate/seen_before"] == 0 {
		t.Errorf("%v of %d", got, total)
	}
	t.Logf("%v", got)
}
