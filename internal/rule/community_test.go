package rule

import (
	"os"
	"testing"
)

// TestCommunity reports how many rules of a checkout of other rules load. It is
// for the hand: SIGMA_RULES names the folder.
func TestCommunity(t *testing.T) {
	dir := os.Getenv("SIGMA_RULES")
	if dir == "" {
		t.Skip("SIGMA_RULES names no folder")
	}
	files, err := ReadFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	set, problems := Load(files)
	count := map[Grade]int{}
	for _, p := range problems {
		count[p.Grade]++
		if p.Grade != Skipped {
			t.Log(p.Grade, p)
		}
	}
	t.Logf("%d files, %d rules loaded, %v", len(files), len(set.Rules()), count)
	if count[Fault] > 0 {
		t.Errorf("%d rules have a fault", count[Fault])
	}
	for _, v := range set.views {
		t.Logf("%s: %d always, %d whole, %d grams", v.kind.name, len(v.index.always), len(v.index.whole), len(v.index.grams))
		for _, i := range v.index.always {
			t.Log("always", set.compiled[i].rule.File)
		}
	}
}
