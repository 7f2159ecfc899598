package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// Hint is something harmless alone that takes a memory to see. It raises
// nothing; who puts the steps of attacks together reads it.
type Hint struct {
	Name string
	// Event is the record that showed it, of the batch.
	Event *event.Event
	// Record identifies the record as in findings.
	Record string
	// Instance is the machine, of a flow or a question; "" if no log names it.
	Instance string
	// What it is about, such as a host, a domain or a program.
	What string
}

// The hints there are.
const (
	HintRegularCalls = "RegularCalls"  // a machine calls a rare host at regular times
	HintDrawnNames   = "NamesDrawn"    // it asks for names that a program may draw
	HintVolume       = "VolumeUnusual" // it sends more to a host than is usual
	HintNewProgram   = "ProgramNew"    // a container runs what its image never ran
)

// hint notes something about a machine of an account.
func (r *record) hint(name, instance, what string) {
	if r.hints == nil { // a record of the past
		return
	}
	*r.hints = append(*r.hints, Hint{Name: name, Event: r.ev, Record: r.id(), Instance: strings.Clone(instance), What: strings.Clone(what)})
}

// hint notes something about a container.
func (r *runtimeRecord) hint(name, what string) {
	if r.hints == nil {
		return
	}
	*r.hints = append(*r.hints, Hint{Name: name, Event: r.ev, Record: r.id(), What: strings.Clone(what)})
}

// retired takes the place of a memory of an earlier version that nobody reads
// any more, so that what is stored of it can still be restored.
type retired string

func (r retired) name() string            { return string(r) }
func (retired) delta() (Run, bool, error) { return Run{}, false, nil }
func (retired) restore(Run) error         { return nil }
func (retired) keep()                     {}
