package console

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

var updateLanes = flag.Bool("update-lanes", false, "write testdata/lanes.svg anew")

// TestLanes: the picture is the same for the same sequence, and hostile names
// are text in it.
func TestLanes(t *testing.T) {
	at := time.Date(2026, 3, 4, 23, 50, 0, 0, time.UTC)
	alice := laneEntity{ID: "principal:A", Name: `alice"><script>alert(1)</script>`, Page: entity{"principal", "alice"}, Actor: true}
	pod := laneEntity{ID: "pod", Name: "pod shop/" + strings.Repeat("checkout-", 8), Page: entity{"pod", "shop/checkout"}}
	bucket := laneEntity{ID: "bucket", Name: "bucket \u202ereports"}
	signals := []signalView{
		{SequenceSignal: finding.SequenceSignal{Name: "Execution:Runtime/ReverseShell", Severity: 8}, N: 1, First: at, Href: "/console/findings/1", all: []laneEntity{pod}},
		{SequenceSignal: finding.SequenceSignal{Name: "CallsRefused"}, N: 2, First: at.Add(5 * time.Minute), Weak: true, all: []laneEntity{alice}},
		{SequenceSignal: finding.SequenceSignal{Name: "Exfiltration:S3/MaliciousIPCaller", Severity: 5}, N: 3, First: at.Add(time.Hour), all: []laneEntity{alice, bucket, pod}},
		{SequenceSignal: finding.SequenceSignal{Name: "nobody's"}, N: 4, First: at.Add(time.Hour)},
	}
	l := &lanes{}
	list := l.shown(signals)
	if len(list) != 3 || list[0].ID != alice.ID || list[1].ID != "pod" || list[2].ID != "bucket" {
		t.Fatalf("lanes: %+v", list)
	}
	got := strings.ReplaceAll(string(drawLanes("Signals", list, signals, [][2]string{{"pod", alice.ID}, {"pod", "elsewhere"}})), "><", ">\n<") + "\n"
	const golden = "testdata/lanes.svg"
	if *updateLanes {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the picture has changed; look at it, and run the test with -update-lanes:\n%s", got)
	}
	if strings.Contains(got, "<script") || strings.Contains(got, "\u202e") {
		t.Error("a name is more than text")
	}
	if drawLanes("None", nil, signals, nil) != "" {
		t.Error("a picture without lanes")
	}
}
