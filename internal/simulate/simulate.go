package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Types lists the finding types that can be simulated, in order.
func Types() []string {
	var out []string
	for t := range scenarios() {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// Records returns the lines of an audit log that make a type fire: the call
// itself among the ordinary ones that come with it. at is when they begin.
func Records(typ string, at time.Time) ([]string, error) {
	calls, ok := scenarios()[typ]
	if !ok {
		return nil, fmt.Errorf("%q cannot be simulated; `vedette simulate --list` shows what can%s", typ, near(typ))
	}
	var out []string
	for n, c := range calls {
		line, err := c.line(typ, n, at)
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}

// near proposes types that contain what was asked for.
func near(typ string) string {
	var hits []string
	for _, t := range Types() {
		if strings.Contains(strings.ToLower(t), strings.ToLower(typ)) {
			hits = append(hits, t)
		}
	}
	if len(hits) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(hits, " or ") + "?"
}
