package sequence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
)

var start = time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC)

// strong is a note of a finding, weak one of what is harmless alone.
func strong(typ, who string, at time.Duration) *Note {
	n := &Note{Name: typ, Finding: typ + "|" + who, Entities: []Entity{Entity(who)}, Account: "1", Region: "r", Source: "FINDING", Records: []string{typ + who + at.String()}}
	n.at(start.Add(at))
	return n
}

func weak(name, who string, at time.Duration, names ...string) *Note {
	if names == nil {
		names = []string{name}
	}
	n := &Note{Name: name, Who: Entity(who), Entities: []Entity{Entity(who)}, Account: "1", Region: "r", Source: "CLOUD_TRAIL", Names: names, Records: []string{name + who + at.String()}}
	n.at(start.Add(at))
	return n
}

// elsewhere is a note of another account of the organization.
func elsewhere(n *Note) *Note {
	n.Account = "2"
	return n
}

func edge(from, to string, at time.Duration, standing bool) *Edge {
	return &Edge{From: Entity(from), To: Entity(to), How: "became", First: start.Add(at), Last: start.Add(at), Standing: standing}
}

func bookOf(entries ...any) *Book {
	b := NewBook(Builtin())
	for _, e := range entries {
		switch e := e.(type) {
		case *Note:
			n := *e
			b.AddNote(&n)
		case *Edge:
			x := *e
			b.AddEdge(&x)
		}
	}
	return b
}

func complete(list []*Sequence) (out []*Sequence) {
	for _, s := range list {
		if s.Complete {
			out = append(out, s)
		}
	}
	return out
}

const (
	entry      = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS" // Credential Access, High
	persists   = "Persistence:IAM/AccountManipulation"                                  // High
	escalates  = "PrivilegeEscalation:IAM/AccountManipulation"                          // High
	exfiltrate = "Exfiltration:S3/MaliciousIPCaller"                                    // High
	low        = "Stealth:IAMUser/CloudTrailLoggingDisabled"                            // Low
)

func TestFind(t *testing.T) {
	const p, q = "principal:P", "principal:Q"
	h := time.Hour
	for name, c := range map[string]struct {
		entries []any
		want    int
	}{
		"three stages of one principal":        {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, p, 2*h)}, 1},
		"in the wrong order":                   {[]any{strong(entry, p, 2*h), strong(persists, p, h), strong(escalates, p, 0)}, 1},
		"two stages, however many findings":    {[]any{strong(entry, p, 0), strong(persists, p, h), strong(persists, q, h), strong(entry, q, h)}, 0},
		"of two principals":                    {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h)}, 0},
		"of two principals that an edge joins": {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, q, h, false)}, 1},
		"two edges apart":                      {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, "role:R", h, false), edge("role:R", q, h, false)}, 1},
		"three edges apart":                    {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, "role:R", h, false), edge("role:R", "role:S", h, false), edge("role:S", q, h, false)}, 0},
		"who took one role are two":            {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, "role:R", h, false), edge(q, "role:R", h, false)}, 0},
		"an edge of last week":                 {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, q, -7*24*h, false)}, 0},
		"a standing edge of last week":         {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, q, -7*24*h, true)}, 1},
		"an edge that came after":              {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, q, 2*h), edge(p, q, 5*h, false)}, 0},
		"to the end of the window":             {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, p, 24*h-time.Minute)}, 1},
		"a minute beyond it":                   {[]any{strong(entry, p, 0), strong(persists, p, h), strong(escalates, p, 24*h)}, 0},
		"in two accounts that an edge joins":   {[]any{strong(entry, p, 0), strong(persists, p, h), elsewhere(strong(escalates, q, 2*h)), edge(p, q, h, false)}, 1},
		"in two accounts that nothing joins":   {[]any{strong(entry, p, 0), strong(persists, p, h), elsewhere(strong(escalates, q, 2*h))}, 0},
		"two findings and an unusual volume":   {[]any{strong("Backdoor:EC2/C&CActivity.B!DNS", "instance:i", 0), strong("CryptoCurrency:EC2/BitcoinTool.B!DNS", "instance:i", h), weak("VolumeUnusual", "instance:i", 2*h)}, 1},
		"over three days":                      {[]any{strong(entry, p, 0), strong(persists, p, 30*h), strong(escalates, p, 60*h)}, 0},
		"weak signals alone":                   {[]any{weak("UserMade", p, 0), weak("RightsGiven", p, h), weak("LogsWeakened", p, h), weak("CallsDenied", p, h, "a", "b", "c", "d"), weak("KeysDestroyed", p, h)}, 0},
		"one finding and weak signals":         {[]any{strong(entry, p, 0), weak("UserMade", p, h), weak("RightsGiven", p, h), weak("LogsWeakened", p, h)}, 0},
		"two findings and a weak signal":       {[]any{strong(entry, p, 0), strong(persists, p, h), weak("LogsWeakened", p, 0)}, 1},
		"a Low finding and everyday calls":     {[]any{strong(low, p, 0), weak("CallerAsked", p, h), weak("SecretsListed", p, h), weak("InstancesCommanded", p, h)}, 0},
		"too few denials":                      {[]any{strong(entry, p, 0), strong(persists, p, 0), weak("CallsDenied", p, h, "a", "b", "c")}, 0},
		"enough of them":                       {[]any{strong(entry, p, 0), strong(persists, p, 0), weak("CallsDenied", p, h, "a", "b", "c", "d")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := complete(Find(bookOf(c.entries...), Options{}))
			if len(got) != c.want {
				t.Errorf("%d sequences, want %d", len(got), c.want)
			}
		})
	}
}

// TestOneRecordIsOneStage: what one call shows is not two steps, whatever it is
// called.
func TestOneRecordIsOneStage(t *testing.T) {
	a, b, c := strong(entry, "principal:P", 0), strong(persists, "principal:P", 0), strong(escalates, "principal:P", 0)
	c.Records = b.Records
	if got := complete(Find(bookOf(a, b, c), Options{})); len(got) > 0 {
		t.Errorf("%+v", got[0])
	}
}

// TestHabits: what a principal does every day is no surprise.
func TestHabits(t *testing.T) {
	entries := []any{strong(entry, "principal:P", 0), strong(persists, "principal:P", 0), weak("LogsWeakened", "principal:P", 0)}
	if len(complete(Find(bookOf(entries...), Options{}))) != 1 {
		t.Fatal("no sequence to begin with")
	}
	for d := range 10 {
		for _, n := range []string{"LogsWeakened"} {
			entries = append(entries, weak(n, "principal:P", -time.Duration(24*(d+1))*time.Hour))
		}
	}
	if got := complete(Find(bookOf(entries...), Options{})); len(got) > 0 {
		t.Errorf("score %v", got[0].Score)
	}
}

func TestArchived(t *testing.T) {
	a := strong(entry, "principal:P", 0)
	a.Archived = true
	b := bookOf(a, strong(persists, "principal:P", 0), strong(escalates, "principal:P", 0))
	if n := len(complete(Find(b, Options{}))); n != 1 {
		t.Errorf("%d sequences with what is archived", n)
	}
	if n := len(complete(Find(b, Options{IgnoreArchived: true}))); n != 0 {
		t.Errorf("%d sequences without what is archived", n)
	}
}

// text writes all that a search finds.
func text(t *testing.T, b *Book) string {
	t.Helper()
	var out []any
	for _, s := range Find(b, Options{}) {
		if s.Complete {
			out = append(out, s.Record(finding.Home{}, func(string) *finding.Finding { return nil }))
		} else {
			out = append(out, s.ID, s.Score, s.Lacks())
		}
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestAnyOrder: notes and edges that come in any order, some twice, by way of
// the kept form or not, make the same sequences.
func TestAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var entries []any
	types := []string{entry, persists, escalates, exfiltrate, low}
	for i := range 200 {
		who := fmt.Sprintf("principal:%d", rnd.IntN(20))
		at := time.Duration(rnd.IntN(72*60)) * time.Minute
		switch i % 4 {
		case 0, 1:
			n := strong(types[rnd.IntN(len(types))], who, at)
			n.Cluster = []string{"", "", "c"}[rnd.IntN(3)]
			entries = append(entries, n)
		case 2:
			entries = append(entries, weak([]string{"UserMade", "LogsWeakened", "CallsDenied"}[rnd.IntN(3)], who, at, fmt.Sprint(rnd.IntN(9))))
		case 3:
			entries = append(entries, edge(who, fmt.Sprintf("principal:%d", rnd.IntN(20)), at, rnd.IntN(2) == 0))
		}
	}
	want := text(t, bookOf(entries...))
	if len(complete(Find(bookOf(entries...), Options{}))) < 1 {
		t.Fatal("too few sequences to compare")
	}
	for range 20 {
		rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		twice := append(slices.Clone(entries), entries[:50]...)
		if d := cmp.Diff(want, text(t, bookOf(twice...))); d != "" {
			t.Fatal(d)
		}
		kept := map[string][]byte{}
		for _, e := range twice {
			for _, k := range bookOf(e).Entries() {
				data, err := Fold(kept[k.Key()], k)
				if err != nil {
					t.Fatal(err)
				}
				if data != nil {
					kept[k.Key()] = data
				}
			}
		}
		b := NewBook(Builtin())
		for _, data := range kept {
			k, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			b.Add(k)
		}
		if d := cmp.Diff(want, text(t, b)); d != "" {
			t.Fatal(d)
		}
	}
}

// TestItGrows: late signals make a sequence say more, and leave it its id.
func TestItGrows(t *testing.T) {
	const p = "principal:P"
	all := []any{strong(entry, p, 3*time.Hour), strong(persists, p, 4*time.Hour), strong(escalates, p, 5*time.Hour), strong(exfiltrate, p, time.Hour), weak("UserMade", p, 2*time.Hour), strong(low, p, 8*time.Hour)}
	var id string
	score, stages := 0.0, 0
	for n := 3; n <= len(all); n++ {
		got := complete(Find(bookOf(all[:n]...), Options{}))
		if len(got) != 1 {
			t.Fatalf("%d sequences of %d signals", len(got), n)
		}
		s := got[0]
		if id == "" {
			id = s.ID
		}
		if s.ID != id || s.Score < score || len(s.Stages) < stages || len(s.Notes) != n {
			t.Errorf("with %d signals: id %s, score %v, %d stages, %d notes; before %s, %v, %d", n, s.ID, s.Score, len(s.Stages), len(s.Notes), id, score, stages)
		}
		score, stages = s.Score, len(s.Stages)
	}
}

// TestBound: of many signals the strongest of each stage are kept.
func TestBound(t *testing.T) {
	var entries []any
	for i := range 200 {
		n := strong(low, "principal:P", time.Duration(i)*time.Minute)
		n.Finding += fmt.Sprint(i)
		entries = append(entries, n)
	}
	entries = append(entries, strong(entry, "principal:P", 0), strong(persists, "principal:P", 0), strong(escalates, "principal:P", 0))
	got := complete(Find(bookOf(entries...), Options{}))
	if len(got) != 1 || len(got[0].Notes) != maxSignals || got[0].LeftOut != 203-maxSignals {
		t.Fatalf("%d sequences, %d notes", len(got), len(got[0].Notes))
	}
	for _, typ := range []string{entry, persists, escalates} {
		if !slices.ContainsFunc(got[0].Notes, func(n *Note) bool { return n.Name == typ }) {
			t.Errorf("%s was left out", typ)
		}
	}
}

// TestAllAreMembers: findings belong to a sequence whichever of its signals are
// kept, and its id does not depend on that.
func TestAllAreMembers(t *testing.T) {
	var entries []any
	var id string
	for i := range maxSignals {
		for _, typ := range []string{entry, persists, escalates} {
			n := strong(typ, "principal:a", time.Duration(i)*time.Second)
			n.Finding = fmt.Sprint(n.Finding, i)
			entries = append(entries, n)
		}
		all := complete(Find(bookOf(entries...), Options{}))
		if len(all) != 1 || len(all[0].Members()) != len(entries) || i > 0 && all[0].ID != id {
			t.Fatalf("with %d findings: %d sequences, %+v", len(entries), len(all), all)
		}
		id = all[0].ID
		if len(all[0].Notes) > maxSignals {
			t.Fatalf("%d signals are kept", len(all[0].Notes))
		}
	}
}

func TestRulesAreParsed(t *testing.T) {
	for _, bad := range []string{
		"finding\t-\t*\t*\t-\t0.5", "finding\t-\t*\t*\t-\t0\t1", "finding\t-\t*\t*\t-\t2\t1", "finding\t-\t*\t*\t-\t0.5\t0",
		"audit\tX\tget pods\t-\tNothing\t0.5\t1", "other\tX\ta b\t-\tImpact\t0.5\t1",
		"audit\tX\tget pods\t-\tImpact\t0.5\t1\naudit\tX\tget pods\t-\tImpact\t0.4\t1",
	} {
		if _, err := parseRules(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestEveryFindingIsAStep: each type that is raised has a stage, or is known to
// be none.
func TestEveryFindingIsAStep(t *testing.T) {
	none := []string{"Recon:EC2/PortProbeUnprotectedPort", "Recon:EC2/PortProbeEMRUnprotectedPort", "Behavior:EC2/NetworkPortUnusual", "Behavior:EC2/TrafficVolumeUnusual", "Object:S3/MaliciousFile"}
	for _, typ := range finding.Catalog() {
		if typ.Detector == "sequence" {
			continue
		}
		_, ok := Builtin().step(&Note{Name: typ.Name, Finding: "x"})
		if ok == slices.Contains(none, typ.Name) {
			t.Errorf("%s is a step: %v", typ.Name, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, k := range bookOf(strong(entry, "principal:P", 0), weak("UserMade", "principal:P", 0), edge("a:b", "c:d", 0, true)).Entries() {
		data, err := Fold(nil, k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := Parse(data)
		if err != nil {
			return
		}
		b := NewBook(Builtin())
		if !b.Add(k) {
			return
		}
		for _, s := range Find(b, Options{}) {
			s.Lacks()
		}
	})
}
