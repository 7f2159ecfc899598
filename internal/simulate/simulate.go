package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// writer writes the records that make a type fire: the act itself among the
// ordinary ones that come with it. at is when they begin.
type writer func(typ string, at time.Time) ([]string, error)

// writers are those of every type that can be simulated.
func writers() map[string]writer {
	out := map[string]writer{}
	for _, m := range []map[string]writer{auditWriters(), trailWriters(), flowWriters(), queryWriters()} {
		maps.Copy(out, m)
	}
	return out
}

// Types lists the finding types that can be simulated, in order.
func Types() []string { return slices.Sorted(maps.Keys(writers())) }

// Records returns the lines of a log that make a type fire. at is when they
// begin.
func Records(typ string, at time.Time) ([]string, error) {
	write, ok := writers()[typ]
	if !ok {
		return nil, fmt.Errorf("%q cannot be simulated; `vedette simulate --list` shows what can%s", typ, near(typ))
	}
	return write(typ, at)
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
