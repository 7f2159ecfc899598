package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/anomaly"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

var clusterNow = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// clusterLines are eight ordinary days and then all the acts.
func clusterLines(t testing.TB) []string {
	t.Helper()
	lines, err := simulate.OrdinaryCluster(clusterNow)
	if err != nil {
		t.Fatal(err)
	}
	for i, typ := range simulate.Types() {
		if strings.Contains(typ, "Kubernetes/AnomalousBehavior") {
			all, err := simulate.Records(typ, clusterNow.Add(time.Duration(i)*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, all[len(all)-1])
		}
	}
	return lines
}

func unusualOf(signals []*finding.Signal) (out []*finding.Signal) {
	for _, s := range signals {
		if strings.Contains(s.Type, "AnomalousBehavior") {
			out = append(out, s)
		}
	}
	return out
}

// rowsOf is all that an engine has in the tables of its models.
func rowsOf(t *testing.T, e *Engine) []byte {
	t.Helper()
	var out bytes.Buffer
	today := e.scopes[clusterScope].anomalies.model(&kubePlane).clocks.get("").today
	for _, m := range e.scopes[clusterScope].anomalies.models {
		for _, tb := range []*table[anomaly.Profile]{m.principals, m.fresh, m.groups, m.kinds} {
			for r := tb.oldest; r != nil; r = r.newer {
				r.value.Settle(today)
			}
			b, err := tb.encode(nil, tb.oldest)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(b)
		}
	}
	return out.Bytes()
}

// TestModelsSurvive: an engine that is brought back from its logs, now and then
// in the ordinary days and behind every act, finds what one finds that lives
// through, and knows the same.
func TestModelsSurvive(t *testing.T) {
	lines := clusterLines(t)
	opts := Options{Durable: true, Intel: intel.Builtin()}
	whole := New(opts)
	want := asText(t, whole.Process(auditEvents(t, lines...)).Signals)
	if len(want) < 8 {
		t.Fatalf("%d findings", len(want))
	}
	var logs []Run
	var got []string
	e := New(opts)
	for at := 0; at < len(lines); {
		n := min(211, len(lines)-at)
		if at+n > len(lines)-20 {
			n = max(1, min(n, len(lines)-20-at))
		}
		got = append(got, asText(t, e.Process(auditEvents(t, lines[at:at+n]...)).Signals)...)
		at += n
		runs, err := e.Delta(clusterScope)
		if err != nil {
			t.Fatal(err)
		}
		marks, _, err := e.Marks(clusterScope)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, runs...)
		next := New(opts)
		for _, run := range logs {
			if err := next.RestoreRun(clusterScope, run); err != nil {
				t.Fatal(err)
			}
		}
		if err := next.RestoreMarks(clusterScope, marks); err != nil {
			t.Fatal(err)
		}
		if at < len(lines) {
			e = next
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !bytes.Equal(rowsOf(t, whole), rowsOf(t, e)) {
		t.Error("the profiles differ")
	}
}

// stage is a small model that has learned enough to speak.
func stage(t testing.TB) (a *anomalies, at time.Time) {
	t.Helper()
	a = newAnomalies(&Options{})
	at = time.Unix(corpusStart*24*3600, 0).UTC()
	for day := range 8 {
		for i := range 400 {
			b := usualOf(fmt.Sprintf("app%d", i%10))
			if v := a.judge(at.AddDate(0, 0, day).Add(time.Duration(i)*time.Minute), false, &b); v != nil {
				t.Fatalf("the usual is a finding: %s", v.why())
			}
		}
	}
	return a, at.AddDate(0, 0, 8)
}

func usualOf(name string) behaviour {
	b := calls("get configmaps", "shop", "app Linux", inCluster, "")
	b.principal, b.group, b.kind = name, "shop", "serviceAccount"
	return b
}

func strangeOf(name string) behaviour {
	b := calls(secrets, "kube-system", "curl", "AS666 Elsewhere", "RU")
	b.principal, b.group, b.kind = name, "shop", "serviceAccount"
	return b
}

// TestPoisoning: what made a finding does not become usual by going on.
func TestPoisoning(t *testing.T) {
	a, at := stage(t)
	found := 0
	for i := range 40 * 24 {
		b := strangeOf("app1")
		if v := a.judge(at.Add(time.Duration(i)*time.Hour), false, &b); v != nil {
			found++
		}
	}
	if found < 40*24-1 {
		t.Errorf("of 960 hours of the same act %d were found", found)
	}
	m := a.model(&kubePlane)
	if days := m.fresh.value("app1"); days.Values() > 0 {
		t.Error("the principal is new")
	}
	p := m.principals.value("app1")
	if p.DaysOf(viewUserAgent, anomaly.Hash("curl")) != 0 {
		t.Error("the user agent was learned")
	}
}

// TestHeld: what was only somewhat unusual is learned after a day.
func TestHeld(t *testing.T) {
	a, at := stage(t)
	odd := func(after time.Duration) bool {
		b := usualOf("app1")
		b.values[viewUserAgent], b.values[viewASN] = "k9s macOS", "AS1 Hotel"
		if v := a.judge(at.Add(after), false, &b); v != nil {
			t.Fatalf("found: %s", v.why())
		}
		p := a.model(&kubePlane).principals.value("app1")
		return p.DaysOf(viewUserAgent, anomaly.Hash("k9s macOS")) != 0
	}
	for _, after := range []time.Duration{0, time.Hour, 23 * time.Hour} {
		if odd(after) {
			t.Fatalf("learned after %s", after)
		}
	}
	if odd(24 * time.Hour); !odd(25 * time.Hour) {
		t.Error("it is not learned after a day")
	}
}

// TestExpect: a finding that somebody says is expected is found no more, until
// that is taken back.
func TestExpect(t *testing.T) {
	e := New(Options{Intel: intel.Builtin()})
	lines := clusterLines(t)
	signals := unusualOf(e.Process(auditEvents(t, lines...)).Signals)
	s := signals[slices.IndexFunc(signals, func(s *finding.Signal) bool { return s.Type == typeSecretsAccessed })]
	f := finding.NewRecord(s).Finding
	again := func(after time.Duration) (types []string) {
		all, err := simulate.Records(typeSecretsAccessed, clusterNow.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range unusualOf(e.Process(auditEvents(t, all[len(all)-1])).Signals) {
			types = append(types, s.Type)
		}
		return types
	}
	if got := again(2 * time.Hour); len(got) != 1 {
		t.Fatalf("before: %q", got)
	}
	if err := e.Expect(clusterScope, clusterNow.Add(3*time.Hour), f, true); err != nil {
		t.Fatal(err)
	}
	if got := again(4 * time.Hour); len(got) != 0 {
		t.Errorf("what is expected is found: %q", got)
	}
	if err := e.Expect(clusterScope, clusterNow.Add(5*time.Hour), f, false); err != nil {
		t.Fatal(err)
	}
	if got := again(6 * time.Hour); len(got) != 1 {
		t.Errorf("what is expected no more is not found: %q", got)
	}
	other := finding.NewRecord(&finding.Signal{Type: typeExecKubeSystem}).Finding
	if e.Expect(clusterScope, clusterNow, other, true) == nil {
		t.Error("a finding of a rule teaches a model")
	}
}

// TestClock: one record with a wrong date ages nothing, and after a gap of
// months the model learns for a week before it speaks.
func TestClock(t *testing.T) {
	a, at := stage(t)
	b := usualOf("app1")
	for range jumpTold - 1 {
		a.judge(at.AddDate(70, 0, 0), false, &b)
	}
	strange := strangeOf("app2")
	if a.judge(at, false, &strange) == nil {
		t.Error("dates of far away silenced the model")
	}
	later := at.AddDate(0, 5, 0)
	for day := range 8 {
		for i := range 400 {
			b := usualOf(fmt.Sprintf("app%d", i%10))
			a.judge(later.AddDate(0, 0, day).Add(time.Duration(i)*time.Minute), false, &b)
		}
		strange := strangeOf(fmt.Sprintf("app%d", day+1))
		if found := a.judge(later.AddDate(0, 0, day).Add(10*time.Hour), false, &strange) != nil; found != (day >= 6) {
			t.Errorf("day %d after the gap: found %v", day, found)
		}
	}
}

// TestLearnsOnly: what is learned from an old log, what models are off for, and
// what comes before they know enough raises nothing.
func TestLearnsOnly(t *testing.T) {
	lines := clusterLines(t)
	b := auditEvents(t, lines...)
	b.Learn = true
	e := New(Options{Intel: intel.Builtin()})
	if got := e.Process(b).Signals; len(got) > 0 {
		t.Errorf("%d signals of an old log", len(got))
	}
	if l := e.Learned(clusterScope); len(l) != 1 || !l[0].Ready || l[0].Days != 9 || l[0].Entities < 8 || l[0].Events != int64(len(lines)) {
		t.Errorf("learned %+v", l)
	}
	off := New(Options{Intel: intel.Builtin(), AnomaliesOff: true})
	if got := unusualOf(off.Process(auditEvents(t, lines...)).Signals); len(got) > 0 {
		t.Errorf("%d findings of models that are off", len(got))
	}
	young := New(Options{Intel: intel.Builtin()})
	if got := unusualOf(young.Process(auditEvents(t, lines[1000:]...)).Signals); len(got) > 0 {
		t.Errorf("%d findings of a model that knows too little", len(got))
	}
	if l := young.Learned(clusterScope); len(l) != 1 || l[0].Ready || !l[0].FirstAlert.After(l[0].Until) {
		t.Errorf("learned %+v", l)
	}
}

// TestLegacySuccessor: where the model speaks for a privileged container, the
// retired type does not.
func TestLegacySuccessor(t *testing.T) {
	e := New(Options{Intel: intel.Builtin(), LegacyKubernetes: true})
	var types []string
	lines := clusterLines(t)
	again, err := simulate.Records(typeUnusualPrivileged, clusterNow) // at the moment of another act of the same kind
	if err != nil {
		t.Fatal(err)
	}
	mounted, err := simulate.Records(typeUnusualMount, clusterNow)
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines[:len(lines)-8], mounted[len(mounted)-1], again[len(again)-1])
	for _, s := range e.Process(auditEvents(t, lines...)).Signals {
		types = append(types, s.Type)
	}
	if !slices.Contains(types, typeUnusualPrivileged) || !slices.Contains(types, typeUnusualMount) ||
		slices.Contains(types, typePrivileged) || slices.Contains(types, typeSensitiveMount) {
		t.Errorf("found %q", types)
	}
}

// TestManyEntities: profiles of many principals take less than a KiB each, and
// an attacker's made-up names and values push no real profile out. With
// VEDETTE_ENTITIES=1000000 it takes that many.
func TestManyEntities(t *testing.T) {
	entities := 20_000
	if testing.Short() {
		entities = 4000
	}
	if n := os.Getenv("VEDETTE_ENTITIES"); n != "" {
		if _, err := fmt.Sscan(n, &entities); err != nil {
			t.Fatal(err)
		}
	}
	a, at := stage(t)
	before := heapNow()
	for day := range 2 {
		for i := range entities {
			b := usualOf(fmt.Sprintf("system:serviceaccount:shop:app-%d", i))
			for k := range 27 / 5 {
				b.values[viewAPI], b.values[viewNamespace] = fmt.Sprintf("get kind%d", (i+k)%200), fmt.Sprintf("ns%d", (i+k)%500)
				a.judge(at.AddDate(0, 0, day).Add(time.Duration(k)*time.Hour), false, &b)
			}
		}
	}
	m := a.model(&kubePlane)
	if m.principals.len() < entities {
		t.Fatalf("%d profiles", m.principals.len())
	}
	each := (heapNow() - before) / int64(entities)
	t.Logf("%d bytes a principal, %d principals", each, m.principals.len())
	if each > 1024 {
		t.Errorf("a profile takes %d bytes", each)
	}
	known := m.principals.value("app1")
	for i := range 30_000 { // by one whom we know, by one who makes names up, and by groups that are made up
		b := usualOf("app1")
		b.values[viewUserAgent], b.values[viewNamespace] = fmt.Sprintf("agent %d", i), fmt.Sprintf("namespace %d", i)
		a.judge(at.AddDate(0, 0, 2), false, &b)
		b.principal, b.group = fmt.Sprintf("made up %d", i), fmt.Sprintf("group %d", i)
		a.judge(at.AddDate(0, 0, 2), false, &b)
	}
	now := m.principals.get("app1")
	if now == nil || now.DaysOf(viewUserAgent, anomaly.Hash("app Linux")) == 0 || now.Total(viewAPI) < known.Total(viewAPI) {
		t.Error("a real profile was pushed out")
	}
	if m.principals.len() < entities || m.fresh.len() > maxFresh || m.groups.len() > maxGroups || m.groups.get("shop") == nil || m.words.len() > maxWords {
		t.Errorf("%d principals, %d new ones, %d groups, %d words", m.principals.len(), m.fresh.len(), m.groups.len(), m.words.len())
	}
}

func heapNow() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// FuzzModelRows: no bytes break what reads the rows of a model.
func FuzzModelRows(f *testing.F) {
	h := heldValues{values: []heldValue{{1, 2, true, 3}, {4, 5, false, 6}}}
	b, _ := h.MarshalBinary()
	f.Add(b)
	c := modelClock{today: 20_000, first: 19_000, days: 7, events: 9, daily: 3}
	b, _ = c.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var h heldValues
		if h.UnmarshalBinary(b) == nil {
			again, _ := h.MarshalBinary()
			var same heldValues
			if err := same.UnmarshalBinary(again); err != nil || len(same.values) != len(h.values) {
				t.Error(err)
			}
		}
		var c modelClock
		if err := c.UnmarshalBinary(b); err == nil && len(b) > 0 && b[0] != anomaly.Version {
			t.Error("another version is read")
		}
		var w word
		_ = w.UnmarshalBinary(b)
	})
}

// TestRecordedCluster reads a recorded audit log, named by VEDETTE_AUDIT_LOG,
// and says how many events of its later part would be findings if the model had
// known the earlier part for long.
func TestRecordedCluster(t *testing.T) {
	path := os.Getenv("VEDETTE_AUDIT_LOG")
	if path == "" {
		t.Skip("no recorded log is named")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	e := New(Options{Intel: intel.Builtin()})
	// A fifth is learned, two set the threshold, the last two are judged.
	fifth := len(lines) / 5
	const atOnce = 2000
	types, found, principals := map[string]int{}, 0, map[string]bool{}
	var m *model
	for at := 0; at < len(lines); at += atOnce {
		batch := auditEvents(t, lines[at:min(at+atOnce, len(lines))]...)
		if at >= fifth {
			m = e.scopes[clusterScope].anomalies.model(&kubePlane)
			c := m.clocks.get("")
			c.events, c.days = max(c.events, matureEvents), 1<<matureDays-1
		}
		if before := at - atOnce; before < 3*fifth && at >= 3*fifth {
			s := m.today(clusterNow)
			s.Events = uint64(2 * fifth)
			m.tail, m.fits = anomaly.Fit([]*anomaly.Scores{s})
			t.Logf("threshold %s", decades(m.threshold(AnomalyBudget{})))
		}
		signals := unusualOf(e.Process(batch).Signals)
		if at < 3*fifth {
			continue
		}
		for _, s := range signals {
			types[s.Type]++
			if found++; !principals[s.Type+s.Actor.Username] {
				principals[s.Type+s.Actor.Username] = true
				t.Log(s.Type, s.Description, s.Why)
			}
		}
	}
	text, _ := json.Marshal(types)
	t.Logf("%d events judged, %d signals, %d findings: %s", len(lines)-3*fifth, found, len(principals), text)
}

// BenchmarkBehaviour is an ordinary event of a cluster that is known, from the
// decoded record to what was learned.
func BenchmarkBehaviour(b *testing.B) {
	lines, err := simulate.OrdinaryCluster(clusterNow)
	if err != nil {
		b.Fatal(err)
	}
	e := New(Options{Intel: intel.Builtin()})
	batch := auditEvents(b, lines...)
	e.Process(batch)
	sc := e.scopes[clusterScope]
	var ordinary []*event.Event
	for i := range batch.Events {
		if ev := &batch.Events[i]; triggerOf(ev.Audit) == noTrigger || triggerOf(ev.Audit) == onSecrets {
			ordinary = append(ordinary, ev)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		ev := ordinary[i%len(ordinary)]
		if out := e.judgeBehaviour(&call{ev: ev, a: ev.Audit, scope: sc}, nil); len(out) > 0 {
			b.Fatal(out[0].Why)
		}
	}
}
