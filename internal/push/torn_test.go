package push

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// TestSameOfTornLogs: what crashes, full disks and careless tools make of logs
// is decoded at the server as in a scan, and nothing of it stops a push.
func TestSameOfTornLogs(t *testing.T) {
	whole := inputs()
	var logs []string
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		logs = append(logs, whole[name])
	}
	r := rand.New(rand.NewPCG(1, 2))
	n := 1000
	if testing.Short() {
		n = 100
	}
	for range n {
		text := tear(r, logs)
		notLess(t, []byte(text))
		if t.Failed() {
			t.Fatalf("of %q", text)
		}
	}
}

// notLess: the server has each record that a scan finds, and the accounting is
// exact. Where garbage stands among records of several kinds it may find more:
// those of one kind are looked at without the others.
func notLess(t testing.TB, input []byte) {
	kind := event.Chunk{Scope: event.Scope{Cluster: "prod"}}
	sum, got, there := sendDirect(t, kind, input)
	want, _ := direct(t, kind, input)
	left := map[string]int{}
	for _, ev := range got {
		left[string(ev.Source)+ev.Raw]++
	}
	for _, ev := range want {
		if left[string(ev.Source)+ev.Raw]--; left[string(ev.Source)+ev.Raw] < 0 {
			t.Errorf("a scan has it, the server has not: %+v", ev)
		}
	}
	if sum.Unsent != 0 || sum.Sent+sum.Refused != sum.Records || there.records != sum.Sent+sum.Reasons[reasonMalformed] || there.good != sum.Sent-sum.Malformed {
		t.Errorf("at the server %+v, told %+v", there, sum)
	}
}

// FuzzSameRecords: the same of any bytes.
func FuzzSameRecords(f *testing.F) {
	for _, input := range inputs() {
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) <= 64<<10 {
			notLess(t, input)
		}
	})
}

// tear cuts pieces out of a log, and puts characters and pieces of others into it.
func tear(r *rand.Rand, logs []string) string {
	marks := []string{
		"\n", "\"", "[", "]", "{", "}", ",", " ", "\r", "\u00a0", "\u0085", "\x00", "\n\n", "]\n", "}\n", "\\", "x", "\v", "\f",
		"{}", "[]", "\xEF\xBB\xBF", "[Truncated...]", "null", `"items":[`, `"Records":[`,
	}
	text := logs[r.IntN(len(logs))]
	for range 1 + r.IntN(5) {
		at := r.IntN(len(text) + 1)
		switch r.IntN(5) {
		case 0, 1:
			text = text[:at] + marks[r.IntN(len(marks))] + text[at:]
		case 2:
			text = text[:at] + text[min(len(text), at+r.IntN(6)):]
		case 3:
			text = text[:at] + text[at+r.IntN(len(text)-at+1):]
		case 4:
			other := logs[r.IntN(len(logs))]
			from := r.IntN(len(other) + 1)
			text = text[:at] + other[from:from+r.IntN(len(other)-from+1)] + text[at:]
		}
	}
	return text
}
