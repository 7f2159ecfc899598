package simulate

import (
	"cmp"
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
	for _, m := range []map[string]writer{auditWriters(), trailWriters(), flowWriters(), queryWriters(), runtimeWriters(), sequenceWriters()} {
		maps.Copy(out, m)
	}
	return out
}

// act is one record of a scenario.
type act interface {
	// line renders it as the n-th record of a type: the same type, number and
	// time give the same line.
	line(typ string, n int, at time.Time) (string, error)
}

// inLines writes the records of scenarios one after the other.
func inLines[A act](scenarios map[string][]A) map[string]writer {
	out := map[string]writer{}
	for typ, acts := range scenarios {
		out[typ] = func(typ string, at time.Time) (lines []string, err error) {
			for n, a := range acts {
				line, err := a.line(typ, n, at)
				if err != nil {
					return nil, err
				}
				lines = append(lines, line)
			}
			return lines, nil
		}
	}
	return out
}

// uuid is the random-looking one that bytes stand for, of version 4.
func uuid(b []byte) string {
	b = slices.Clone(b[:16])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Types lists the finding types that can be simulated, in order.
func Types() []string { return slices.Sorted(maps.Keys(writers())) }

// Past is how long before its time the records of a type begin: what is unusual
// takes days of what is usual.
func Past(typ string) time.Duration {
	if strings.Contains(typ, "/AnomalousBehavior") || strings.HasPrefix(typ, "Behavior:EC2/") {
		return 9 * 24 * time.Hour
	}
	return 0
}

// apart is how far the pasts of two types are from each other, and forgotten
// after how long the models begin anew.
const (
	apart     = 21 * 24 * time.Hour
	forgotten = 40 * 24 * time.Hour
)

// Schedule puts types in the order in which their records can follow each other
// in one log, and says the time of each: those with a past come early, each with
// days of its own, and the others seconds apart from start on. What only a
// cluster without a past shows comes before all.
func Schedule(types []string, start time.Time) ([]string, []time.Time) {
	pasts := slices.ContainsFunc(types, func(typ string) bool { return Past(typ) > 0 })
	rank := func(typ string) int {
		switch {
		case pasts && superseded(typ):
			return 0
		case Past(typ) > 0:
			return 1
		}
		return 2
	}
	ordered := slices.Clone(types)
	slices.SortStableFunc(ordered, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	times := make([]time.Time, len(ordered))
	at := start
	for i := range slices.Backward(ordered) {
		switch next := i + 1; {
		case next == len(ordered):
		case rank(ordered[i]) == rank(ordered[next]) && rank(ordered[i]) != 1:
			at = at.Add(-3 * time.Second)
		case rank(ordered[next]) == 2:
			at = at.Add(-forgotten)
		default:
			at = at.Add(-apart)
		}
		times[i] = at
	}
	return ordered, times
}

// superseded reports whether a type is retired: where a past is known, its
// successor says whether the same act is unusual.
func superseded(typ string) bool {
	return typ == "PrivilegeEscalation:Kubernetes/PrivilegedContainer" || typ == "Persistence:Kubernetes/ContainerWithSensitiveMount"
}

// Records returns the lines of a log that make a type fire. at is when it
// happens; where that takes a Past, the records begin so long before.
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
