package detect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// alertRecord is what another sensor said of a program.
func alertRecord(name, priority, text string, tags ...string) *event.Runtime {
	r := shellRecord(1, "run", "box", "report --all")
	r.Sensor.Name, r.Kind, r.Exec = "falco", event.KindAlert, nil
	r.Alert = &event.Alert{Rule: name, Priority: priority, Text: text, Tags: tags}
	return r
}

// TestAlertTexts: names that processes choose do no harm in findings, texts have
// an end, and command lines stay hidden.
func TestAlertTexts(t *testing.T) {
	r := alertRecord("A \x1b[31mrule\n"+strings.Repeat("of many words ", 100), "Warning", "ran \x1b]0;title\x07\u202e--all\r\n"+strings.Repeat("x", 5000), "mitre_lateral_movement")
	out := judged(t, New(Options{}), r)
	if len(out) != 1 {
		t.Fatalf("%d findings", len(out))
	}
	s := out[0]
	about, err := json.Marshal(s.Info)
	if err != nil || !strings.HasPrefix(s.Type, "LateralMovement:Runtime/") || !strings.HasSuffix(s.Type, ".Rule") || len(s.Type) > rule.MaxType || len(about) > 8000 {
		t.Errorf("%s: %d bytes, %v", s.Type, len(about), err)
	}
	for _, text := range []string{s.Title, s.Description, s.Why, s.Rule} {
		if i := strings.IndexFunc(text, func(c rune) bool { return unicode.IsControl(c) || c == '\u202e' }); i >= 0 || len(text) > 2500 {
			t.Errorf("%d bytes, a control character at %d: %q", len(text), i, text)
		}
	}
	if !strings.Contains(s.Description, "--all") {
		t.Errorf("%q does not say what the sensor says", s.Description)
	}
	s = judged(t, New(Options{HideCommandLines: true}), r)[0]
	if all := fmt.Sprint(s.Description, s.Info, s.Why); strings.Contains(all, "--all") {
		t.Errorf("the command line is shown: %s", all)
	}
}

// TestAlertsArePrioritised: what informs only is no finding.
func TestAlertsArePrioritised(t *testing.T) {
	for priority, want := range map[string]float64{
		"Emergency": 8, "Critical": 8, "Error": 5, "Warning": 5, "Notice": 2, "Informational": 0, "Debug": 0, "": 0,
		"HIGH": 8, "MEDIUM": 5, "LOW": 2, "INFO": 0, "enforced": 5,
	} {
		got := 0.0
		for _, s := range judged(t, New(Options{}), alertRecord("Rule", priority, "")) {
			got += s.Severity
		}
		if got != want {
			t.Errorf("%q: severity %v, want %v", priority, got, want)
		}
	}
}
