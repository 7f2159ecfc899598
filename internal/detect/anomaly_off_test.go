package detect

import (
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestAnomaliesOff: where the models are switched off nothing is said to be
// unusual, of whatever log; where they are not, the same records raise it.
func TestAnomaliesOff(t *testing.T) {
	for _, typ := range simulate.Types() {
		if simulate.Past(typ) == 0 {
			continue
		}
		for _, off := range []bool{false, true} {
			lines, err := simulate.Records(typ, clusterNow)
			if err != nil {
				t.Fatal(err)
			}
			e := New(Options{Intel: intel.Builtin(), AnomaliesOff: off})
			var types []string
			for _, s := range e.Process(decodeLines(t, lines...)).Signals {
				types = append(types, s.Type)
			}
			unusual := func(t string) bool { f, _ := finding.Lookup(t); return f.Detector == "anomaly" }
			if found := slices.Contains(types, typ); found == off {
				t.Errorf("%s: with off = %v found is %v", typ, off, found)
			}
			if i := slices.IndexFunc(types, unusual); off && i >= 0 {
				t.Errorf("%s: %s is raised by models that are off", typ, types[i])
			}
		}
	}
}
