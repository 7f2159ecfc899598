package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/store"
)

// verdict is what a run came to.
type verdict struct {
	records, findings, published int
	sequences, notes             int
	duplicates                   int64
	again, refused, lost         int
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// stores are the two stores, opened beside the servers.
func (w *world) stores() map[string]*store.Store {
	w.t.Helper()
	shared, err := store.OpenPostgres(context.Background(), w.database, store.Options{Now: time.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { shared.Close() })
	alone, err := store.Open(context.Background(), filepath.Join(w.disk.path, "data", "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { alone.Close() })
	return map[string]*store.Store{"shared": shared, "alone": alone}
}

// settle waits until everything that was fed is judged and published.
func (w *world) settle(feeds []*corpus) {
	w.t.Helper()
	for _, p := range append([]*process{w.alone}, w.sharing...) {
		if !p.running() {
			p.start()
		}
		p.waitReady()
	}
	stores := w.stores()
	for _, f := range feeds {
		st := stores[side(f.cluster)]
		var last int64
		still := time.Now()
		until(w.t, f.cluster+" is judged", func() bool {
			n := ledger(w.t, st, f.cluster)["evaluated"]
			if n != last {
				last, still = n, time.Now()
			}
			// More than there are would be a fault; it is left for the verdict.
			return n >= int64(f.count) || time.Since(still) > 45*time.Second
		})
	}
	for name, st := range stores {
		until(w.t, "all steps of attacks in "+name+" were looked at", func() bool {
			mark, err := st.SequenceMark(context.Background())
			if err != nil {
				return false
			}
			at, err := st.Cursor(context.Background(), "sequences")
			told, n := binary.Varint(at)
			return err == nil && n > 0 && told == mark
		})
		until(w.t, "the changes of "+name+" are published", func() bool {
			at, err := st.Cursor(context.Background(), "publish:file")
			if err != nil {
				return false
			}
			rest, err := st.Changes(context.Background(), string(at), 1)
			return err == nil && len(rest) == 0
		})
	}
}

// notesOfDay bounds the notes that a day of the log of one cluster leaves.
const notesOfDay = 150

// days is how many days the clusters of a side have played, all together.
func days(feeds []*corpus, name string) (n int) {
	for _, f := range feeds {
		if side(f.cluster) == name {
			n += 2 + f.round/24
		}
	}
	return n
}

func side(cluster string) string {
	if strings.HasPrefix(cluster, "alone") {
		return "alone"
	}
	return "shared"
}

// ledger adds up the outcomes of a cluster's records.
func ledger(t *testing.T, st *store.Store, cluster string) map[string]int64 {
	t.Helper()
	rows, err := st.Ledger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		if r.Cluster == cluster {
			out[r.Outcome] += r.Count
		}
	}
	return out
}

// judge compares what is in the stores, and what was published, with scans.
func (w *world) judge(feeds []*corpus) (v verdict) {
	stores := w.stores()
	for name, st := range stores {
		rows, err := st.Ledger(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range rows {
			if r.Source != "k8s-audit" || r.Outcome == "dropped" || r.Outcome == "malformed" {
				w.t.Errorf("%s: %d records of %q are %s (%s)", name, r.Count, r.Cluster, r.Outcome, r.Reason)
			}
		}
		aside, err := st.SetAsides(context.Background(), 10)
		if err != nil || len(aside) > 0 {
			w.t.Errorf("%s: set aside: %v, %v", name, aside, err)
		}
		notes := 0
		err = st.SequenceNotes(context.Background(), func(store.SequenceNote) error { notes++; return nil })
		if err != nil || notes == 0 || notes > notesOfDay*days(feeds, name) {
			w.t.Errorf("%s: %d notes of steps of attacks, %v", name, notes, err)
		}
		v.notes += notes
		problems, err := st.Check(context.Background())
		if err != nil || len(problems) > 0 {
			w.t.Errorf("%s: %v, %q", name, err, problems)
		}
	}
	found := map[string][]byte{
		"shared": w.export(w.sharing[0].config),
		"alone":  w.export(w.alone.config),
	}
	want := map[string][]string{}
	for _, f := range feeds {
		got := ledger(w.t, stores[side(f.cluster)], f.cluster)
		if rest := got["received"] - got["evaluated"] - got["duplicate"]; rest != 0 {
			w.t.Errorf("%s: %d records were received and are not accounted for: %v", f.cluster, rest, got)
		}
		if got["evaluated"] != int64(f.count) {
			w.t.Errorf("%s: %d records were judged, %d were sent", f.cluster, got["evaluated"], f.count)
		}
		v.records += f.count
		v.duplicates += got["duplicate"]
		want[side(f.cluster)] = append(want[side(f.cluster)], w.scan(f)...)
	}
	for name, lines := range want {
		v.findings += len(lines)
		sequences := len(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, `"type":"AttackSequence:`) }))
		if v.sequences += sequences; sequences == 0 {
			w.t.Errorf("%s: no attack sequence; the test says little", name)
		}
		if d := cmp.Diff(sorted(lines), sorted(strings.Split(strings.TrimSuffix(string(found[name]), "\n"), "\n"))); d != "" {
			w.t.Errorf("%s: findings of the scan, and those kept:\n%.4000s", name, d)
		}
	}
	for i, name := range []string{"shared", "alone"} {
		v.published += w.published(w.events[i], want[name])
	}
	return v
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// scan returns the findings of a scan of what was fed, one JSON text each.
func (w *world) scan(f *corpus) []string {
	w.t.Helper()
	return strings.Split(strings.TrimSuffix(string(w.run("scan", "-o", "jsonl", "--account", account, "--region", region, "--cluster", f.cluster, f.close(w.t))), "\n"), "\n")
}

func (w *world) export(config string) []byte {
	w.t.Helper()
	return w.run("findings", "export", "--config", config)
}

func (w *world) run(args ...string) []byte {
	w.t.Helper()
	cmd := exec.Command(w.binary, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		w.t.Errorf("vedette %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return out
}

// published checks that each finding was published as it is now: the newest
// event of a finding is its last state. Lines may come twice.
func (w *world) published(path string, findings []string) int {
	w.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	defer f.Close()
	newest, events := map[string]string{}, 0
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			w.t.Error(err)
			return events
		}
		var e struct{ Detail json.RawMessage }
		var x struct{ ID string }
		if json.Unmarshal(line, &e) != nil || json.Unmarshal(e.Detail, &x) != nil {
			continue // torn by a kill or a full disk; it came again
		}
		events++
		newest[x.ID] = string(e.Detail)
	}
	for _, text := range findings {
		var x struct{ ID string }
		if err := json.Unmarshal([]byte(text), &x); err != nil {
			w.t.Errorf("%v: %.100s", err, text)
			continue
		}
		if newest[x.ID] != text {
			w.t.Errorf("finding %s was not published as it is:\n%s", x.ID, cmp.Diff(text, newest[x.ID]))
		}
	}
	return events
}

// keepLogs copies the logs of the servers.
func (w *world) keepLogs(to string) {
	list, err := filepath.Glob(filepath.Join(w.dir, "*.out"))
	if err != nil || !w.t.Failed() {
		return
	}
	for _, path := range list {
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(path)), b, 0o600)
		}
		if err != nil {
			w.t.Log(err)
		}
	}
}
