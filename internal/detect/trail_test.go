package detect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

// decodeLines makes a batch of lines of a log of an account.
func decodeLines(t testing.TB, lines ...string) *event.Batch {
	t.Helper()
	var d decode.Decoder
	var out decode.Batch
	d.Decode(&event.Chunk{Stream: "s", Data: []byte(strings.Join(lines, "\n") + "\n"), Scope: event.Scope{Account: "111122223333", Region: "eu-central-1"}}, &out)
	if len(out.Rejects) > 0 {
		t.Fatalf("%+v", out.Rejects)
	}
	return &out.Batch
}

// simulated are the records of all types that come from CloudTrail.
func simulated(t testing.TB) []string {
	t.Helper()
	var lines []string
	for i, typ := range simulate.Types() {
		if ft, _ := finding.Lookup(typ); ft.Source != "cloudtrail" && ft.Source != "s3-data" {
			continue
		}
		out, err := simulate.Records(typ, t0.Add(time.Duration(i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, out...)
	}
	return lines
}

func asText(t testing.TB, signals []*finding.Signal) []string {
	t.Helper()
	var out []string
	for _, s := range signals {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

func trailEngine(durable bool) *Engine { return New(Options{Intel: intel.Builtin(), Durable: durable}) }

// TestTrailRestore: stopped after any record and continued from what was
// committed, an engine says the same.
func TestTrailRestore(t *testing.T) {
	lines := simulated(t)
	var want []string
	whole := trailEngine(true)
	for _, l := range lines {
		want = append(want, asText(t, whole.Process(decodeLines(t, l)).Signals)...)
	}
	if len(want) < 50 {
		t.Fatalf("only %d signals to compare", len(want))
	}
	first := trailEngine(true)
	committed := map[event.Scope][]Run{}
	var got []string
	every := max(7, len(lines)/1400*7) // a commit and a restart after so many records
	for k, l := range lines {
		got = append(got, asText(t, first.Process(decodeLines(t, l)).Signals)...)
		if k%every != 0 {
			continue
		}
		for _, sc := range []event.Scope{{Account: "111122223333", Region: "eu-central-1"}, {Account: "111122223333", Region: "us-east-1"}} {
			runs, err := first.Delta(sc)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range runs {
				committed[sc] = append(slices.DeleteFunc(committed[sc], func(old Run) bool { return old.Log == r.Log && old.Generation < r.Oldest }), r)
			}
		}
		first = trailEngine(true)
		for sc, runs := range committed {
			for _, r := range runs {
				if err := first.RestoreRun(sc, r); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d signals with restarts, %d without", len(got), len(want))
	}
}

// TestTrailAllocations: what nobody wants costs no memory.
func TestTrailAllocations(t *testing.T) {
	b := decodeLines(t, `{"eventID":"1","eventName":"DescribeInstances","eventSource":"ec2.amazonaws.com","eventTime":"2026-01-02T03:04:05Z","awsRegion":"eu-central-1",`+
		`"sourceIPAddress":"203.0.113.9","userAgent":"Boto3/1.38 Python/3.13 Linux/6.8","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333","accessKeyId":"AKIA","userName":"a"}}`)
	e := trailEngine(false)
	ev := &b.Events[0]
	sc := e.scope(ev.Scope)
	e.judgeAccount(sc, ev)
	if n := testing.AllocsPerRun(100, func() { e.judgeAccount(sc, ev) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCatalogRules: every rule has a type of the catalogue, and all of AWS's
// signals are there under their names, with their severities, and two of ours.
func TestCatalogRules(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range catalogRules() {
		ft, ok := finding.Lookup(k.typ)
		if !ok || seen[k.name] || k.check == nil {
			t.Errorf("%s: type %q", k.name, k.typ)
		}
		seen[k.name] = true
		if ours := k.name == "RDSSnapshotExternalAccess" || k.name == "IAMRoleExternalAccess"; !ours && !strings.Contains(ft.Trigger, k.name) {
			t.Errorf("%s is no signal of %s", k.name, k.typ)
		}
		if text := catalogTexts()[k.name]; !strings.HasSuffix(text.title, ".") || !strings.HasSuffix(text.matters, ".") || strings.Contains(text.title, k.name) {
			t.Errorf("%s: what it says is %+v", k.name, text)
		}
		if label, ok := strings.CutPrefix(findText(ft.Note, k.name+"="), k.name+"="); ok && label != finding.SeverityLabel(k.severity) {
			t.Errorf("%s: severity %v, want %s", k.name, k.severity, label)
		}
	}
	if len(seen) != 37 || len(catalogTexts()) != len(seen) {
		t.Errorf("%d rules, %d texts", len(seen), len(catalogTexts()))
	}
	var all []string
	for _, ft := range finding.Catalog() {
		if ft.Detector != "custom-rule" {
			continue
		}
		_, names, _ := strings.Cut(strings.TrimSuffix(ft.Trigger, "."), "account: ")
		all = append(all, strings.Split(names, "; ")...)
	}
	for _, name := range all {
		if !seen[name] {
			t.Errorf("nothing raises %s", name)
		}
	}
}

func findText(note, prefix string) string {
	for part := range strings.FieldsFuncSeq(note, func(r rune) bool { return r == ' ' || r == ';' }) {
		if strings.HasPrefix(part, prefix) {
			return part
		}
	}
	return ""
}

// TestDisabledRules: a rule that is not wanted raises nothing, its neighbours do.
func TestDisabledRules(t *testing.T) {
	lines, err := simulate.Records("Persistence:IAM/AccountManipulation", t0)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []string{"", "IAMUserLoginProfileCreated"} {
		n := len(New(Options{DisabledRules: []string{off}}).Process(decodeLines(t, lines...)).Signals)
		if want := map[bool]int{true: 1, false: 0}[off == ""]; n != want {
			t.Errorf("without %q: %d signals, want %d", off, n, want)
		}
	}
}

// TestOwnAccounts: what is shared with the operator's other accounts stays inside.
func TestOwnAccounts(t *testing.T) {
	for _, typ := range []string{"Exfiltration:EC2/TransferDataToCloudAccount", "Exfiltration:S3/TransferDataToCloudAccount"} {
		lines, err := simulate.Records(typ, t0)
		if err != nil {
			t.Fatal(err)
		}
		if s := New(Options{Accounts: []string{"999900001111"}}).Process(decodeLines(t, lines...)).Signals; len(s) > 0 {
			t.Errorf("%s: %s", typ, s[0].Why)
		}
	}
}

func TestMadeUpSessions(t *testing.T) {
	for s, want := range map[string]bool{"aws-go-sdk-1722375070115152000": true, "alice@shop.example": false, "botocore-session-1767322800": true, "GitHubActions": false, "": false} {
		if got := event.IsNumbered(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestAttackDistro(t *testing.T) {
	for agent, want := range map[string]string{
		"aws-cli/2.9.0 Python/3.11.2 Linux/6.0.0-kali6-amd64 exe/x86_64":      "Kali",
		"Boto3/1.26 Python/3.11 Linux/6.1.0-1parrot1-amd64 Botocore/1.29":     "Parrot",
		"aws-cli/2.15.0 md/distrib#pentoo.2 os/linux#6.6":                     "Pentoo",
		"aws-cli/2.15.0 Python/3.11.6 Linux/6.6.9-amd64 exe/x86_64.kali.2024": "Kali",
		"Mozilla/5.0 (Kali GNU/Linux)":                                        "Kali",
		"kaliber/1.0 Linux/6.8":                                               "",
		"parrot-drone/1 Boto3/1.2 Linux/6.8":                                  "",
		"aws-cli/2.15.0 Linux/6.8.0-parrotfish":                               "",
		"":                                                                    "", "k": "", "kal": "", "paparrot": "", strings.Repeat("kali", 10_000): "",
	} {
		if got, _ := attackDistro(agent); got != want {
			t.Errorf("%.60q: %q, want %q", agent, got, want)
		}
	}
}

// TestTrailBounds: however many machines call, what is remembered is bounded.
func TestTrailBounds(t *testing.T) {
	s := newTrailState()
	for _, m := range s.memories() {
		switch m := m.(type) {
		case *table[sessionMemory]:
			for i := range maxSessions + 10 {
				m.touch(fmt.Sprint(i), t0)
			}
			if m.len() != maxSessions {
				t.Errorf("%s: %d", m.name(), m.len())
			}
		}
	}
}
