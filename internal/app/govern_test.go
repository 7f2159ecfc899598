package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/noise"
)

// shell is the n-th record: a user opens a shell in a pod of kube-system. Each
// user and pod is a finding.
func shell(user, pod string, n int) string {
	return record(user, n, fmt.Sprintf(`"level":"Request","stage":"ResponseStarted","verb":"create","requestURI":"/api/v1/namespaces/kube-system/pods/%s/exec?command=sh",`+
		`"objectRef":{"resource":"pods","namespace":"kube-system","name":%[1]q,"apiVersion":"v1","subresource":"exec"},"responseStatus":{"code":101}`, pod))
}

const aDay = 24 * 60 * 60 * 1000 // records

// flood is a scanner's n shells in as many pods, and among them: one of
// somebody else in the middle, two of the day after, and one of the day before
// that comes late.
func flood(n int) []string {
	var out []string
	for i := range n {
		out = append(out, shell("scanner", fmt.Sprint("pod-", i), i))
		switch i {
		case n / 2:
			out = append(out, shell("bob", "dns", i))
		case n / 3:
			out = append(out, shell("scanner", "pod-7", i)) // of which there is a finding
		}
	}
	for i := range 2 {
		out = append(out, shell("scanner", fmt.Sprint("pod-", i+n), aDay+i))
	}
	return append(out, shell("scanner", "pod-late", n), shell("scanner", "pod-20", n+1), shell("carol", "dns", n))
}

// floodFile is a log of a flood.
func floodFile(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte(strings.Join(flood(n), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func aggregateOf(t *testing.T, f *finding.Finding) (findings int64, by string) {
	t.Helper()
	var info struct {
		Aggregate *struct {
			Findings int64
			By       *finding.Entity
		}
	}
	if err := json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info); err != nil {
		t.Fatal(err)
	}
	if info.Aggregate == nil {
		return 0, ""
	}
	if info.Aggregate.By != nil {
		by = info.Aggregate.By.Name
	}
	return info.Aggregate.Findings, by
}

// outline is how many findings there are by day, user, and whether they stand
// for many.
func outline(t *testing.T, fs []*finding.Finding) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, f := range fs {
		key := f.CreatedAt[:10] + " " + f.Resource.KubernetesDetails.KubernetesUserDetails.Username
		if f.Service.Archived {
			key = "hidden " + key
		}
		out[key]++
		if n, by := aggregateOf(t, f); n > 0 {
			out[key+" of "+by] += n
			out["occurrences of "+by] += f.Service.Count
		}
	}
	return out
}

// TestNoise: a scanner that makes thousands of findings of one type makes as
// many as the budget says, and one that stands for the others. It hides nobody
// else, and no other day.
func TestNoise(t *testing.T) {
	o := scanOptions(t, []string{floodFile(t, 5000)})
	o.Sequences.Window = -1 // they look at every signal
	o.Noise = noise.Limits{PerDay: 50}
	r := scan(t, o)
	got := outline(t, r.Findings)
	n := got["2026-01-31 scanner of scanner"]
	if n < 4600 || n > 4951 {
		t.Errorf("%d findings are told together, about 4950 are meant", n)
	}
	delete(got, "2026-01-31 scanner of scanner")
	want := map[string]int64{
		"2026-01-31 scanner": 51, "2026-02-01 scanner": 2, "2026-01-31 bob": 1, "2026-01-31 carol": 1, "occurrences of scanner": 4951,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	many := slices.IndexFunc(r.Findings, func(f *finding.Finding) bool { n, _ := aggregateOf(t, f); return n > 0 })
	if f := r.Findings[many]; !strings.HasSuffix(f.Title, fmt.Sprintf(", and about %d more like it", n-1)) || f.Severity != r.Findings[0].Severity {
		t.Errorf("title %q, severity %v", f.Title, f.Severity)
	}
	o.Noise = noise.Limits{}
	if got := len(scan(t, o).Findings); got != 5000+1+2+1+1 {
		t.Errorf("%d findings without a budget", got)
	}
}

// TestNoiseScanIsServe: a server gives what a scan gives, byte for byte, however
// the records are cut into pushes, wherever it is started anew, and when commits
// fail.
func TestNoiseScanIsServe(t *testing.T) {
	t.Parallel()
	const n, budget = 120, 9
	o := scanOptions(t, []string{floodFile(t, n)})
	o.Noise = noise.Limits{PerDay: 3, Types: map[string]int{"Execution:Kubernetes/ExecInKubeSystemPod": budget}}
	want := scan(t, o).Findings
	if got := outline(t, want)["2026-01-31 scanner"]; got != budget+1 {
		t.Fatalf("%d findings of the scanner, want %d", got, budget+1)
	}
	for _, workers := range []int{1, 8} {
		o.Workers = workers
		if d := cmp.Diff(jsonl(t, want), jsonl(t, scan(t, o).Findings)); d != "" {
			t.Errorf("%d workers:\n%s", workers, d)
		}
	}
	sc := event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "test"}
	for _, c := range []struct {
		push, restartEvery, failEvery int
	}{{1, 0, 0}, {1, 1, 3}, {7, 2, 2}, {40, 1, 1}, {1000, 0, 1}} {
		t.Run(fmt.Sprintf("%d records a push, restart every %d, failure every %d", c.push, c.restartEvery, c.failEvery), func(t *testing.T) {
			b := newPastBed(t, nil)
			b.failEvery = c.failEvery
			for i, lines := range slices.Collect(slices.Chunk(flood(n), c.push)) {
				if c.restartEvery > 0 && i%c.restartEvery == 0 {
					b.restart()
				}
				b.judge.noise.limits = o.Noise
				b.push(sc, event.K8sAudit, lines...)
			}
			if d := cmp.Diff(jsonl(t, want), jsonl(t, b.findings())); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestNoiseAndSuppression: what a suppression rule hides takes no room from what
// is shown, and a rule that comes later does not hide what others did.
func TestNoiseAndSuppression(t *testing.T) {
	b := newPastBed(t, nil)
	det := finding.DetectorID("111122223333", "eu-central-1")
	if err := b.store.CreateDetector(t.Context(), finding.Detector{
		ID: det, Account: "111122223333", Region: "eu-central-1", Enabled: true, Features: []finding.Feature{{Name: "EKS_AUDIT_LOGS", Enabled: true}},
	}); err != nil {
		t.Fatal(err)
	}
	hide := func(user string) {
		t.Helper()
		if err := b.store.CreateFilter(t.Context(), finding.Filter{DetectorID: det, Name: user, Action: "ARCHIVE", Rank: 1, Criteria: finding.Criteria{
			"resource.kubernetesDetails.kubernetesUserDetails.username": finding.Condition{Equals: []string{user}},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	b.judge.noise.limits = noise.Limits{PerDay: 4}
	shells := func(user string, from, to int) {
		var lines []string
		for i := from; i < to; i++ {
			lines = append(lines, shell(user, fmt.Sprint("pod-", i), i))
		}
		b.push(event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "test"}, event.K8sAudit, lines...)
	}
	hide("ci")
	shells("ci", 0, 20)
	shells("bob", 20, 24) // the whole budget
	shells("eve", 24, 30) // one, and one for the others
	hide("eve")
	shells("eve", 30, 40)
	shells("bob", 40, 42)
	want := map[string]int64{
		"hidden 2026-01-31 ci": 5, "hidden 2026-01-31 ci of ci": 16, "2026-01-31 bob": 5, "2026-01-31 bob of bob": 2,
		"2026-01-31 eve": 2, "2026-01-31 eve of eve": 5,
		// The budget of what is hidden is spent: one, and one for the others.
		"hidden 2026-01-31 eve": 2, "hidden 2026-01-31 eve of eve": 9,
		"occurrences of ci": 16, "occurrences of bob": 2, "occurrences of eve": 14,
	}
	if d := cmp.Diff(want, outline(t, b.findings())); d != "" {
		t.Error(d)
	}
}

// TestNoiseSeverity: what is more severe than all that is told together is a
// finding of its own, and what is critical always is.
func TestNoiseSeverity(t *testing.T) {
	m := memory{}
	g := governor{in: m, limits: noise.Limits{PerDay: 3}, log: slog.New(slog.DiscardHandler)}
	g.forget()
	for i := range 100 {
		s := &finding.Signal{
			Type: "T:X/Y", Key: fmt.Sprint(i), Account: "1", Region: "r", Time: begin, Occurrence: fmt.Sprint(i), Severity: 5, Title: "t", Actor: finding.Actor{Node: "n"},
		}
		switch {
		case i == 50 || i == 60:
			s.Severity = 8
		case i >= 90:
			s.Severity = 9
		}
		if _, err := g.apply(s); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	for _, f := range m.sorted() {
		n, _ := aggregateOf(t, f)
		got[fmt.Sprintf("severity %v for %d", f.Severity, n)]++
	}
	want := map[string]int{"severity 5 for 0": 3, "severity 5 for 85": 1, "severity 8 for 0": 1, "severity 8 for 1": 1, "severity 9 for 0": 10}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestNoiseOfThePast: what lists name later is told together by the same rule,
// and telling it again adds nothing.
func TestNoiseOfThePast(t *testing.T) {
	b := newPastBed(t, nil)
	const bad, machines = "203.0.113.99", 40
	var lines []string
	for n := range 3 {
		for eni := range machines {
			lines = append(lines, flowLine(eni, bad, begin.Add(time.Duration(n*machines+eni)*time.Second)))
		}
	}
	tell := func() map[string]int64 {
		b.restart()
		b.judge.noise.limits = noise.Limits{PerDay: 2}
		b.tell(bedScope, event.Indicator{Entry: bad, List: "Feed", Category: "custom"})
		out := map[string]int64{}
		for _, f := range b.findings() {
			n, _ := aggregateOf(t, f)
			out[fmt.Sprintf("%s for %d", f.Type, n)] += f.Service.Count
		}
		return out
	}
	b.push(bedScope, event.VPCFlow, lines...)
	first := tell()
	want := map[string]int64{ // each machine is told of, up to ten budgets, and no record is lost
		"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom for 0": 60, "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom for 20": 60,
	}
	if d := cmp.Diff(want, first); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(first, tell()); d != "" {
		t.Error(d)
	}
}

// TestNoiseConfig: mistakes are named.
func TestNoiseConfig(t *testing.T) {
	c := config.Default()
	c.Detection.Noise.Types = map[string]int{"Recon:EC2/Portscn": 5, "Recon:EC2/Portscan": 5, "Policy:Kubernetes/Mine.Custom": 0}
	_, err := DetectOptions(c)
	if err == nil || !strings.Contains(err.Error(), `no finding type "Recon:EC2/Portscn"`) || strings.Contains(err.Error(), "Mine") {
		t.Errorf("error %v", err)
	}
}

// TestNoiseOfTypesThatThereAreNot: a budget for a type that nothing makes is a
// mistake; one of a rule or of somebody else's alerts may come yet.
func TestNoiseOfTypesThatThereAreNot(t *testing.T) {
	for typ, known := range map[string]bool{
		"Recon:EC2/Portscan": true, "Execution:Kubernetes/Payments.Custom": true, "Execution:Runtime/TerminalShell.Rule": true, "Recon:EC2/PortScan": false, "Rule": false,
	} {
		err := checkNoise(&config.Noise{Types: map[string]int{typ: 5}}, nil)
		if (err == nil) != known || err != nil && !strings.Contains(err.Error(), typ) {
			t.Errorf("%s: %v", typ, err)
		}
	}
}
