package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// Bounds of what is remembered of processes. Those not heard of for longest are
// forgotten first.
const (
	maxSuspects = 20_000
	suspectIdle = 24 * time.Hour
)

// runtimeState is what is remembered of the nodes and containers of a scope.
// Records tell all of a process themselves, so this is little: what two records
// have to be joined for.
type runtimeState struct {
	// suspects are containers, and nodes, in which something was wrong of late.
	suspects *table[suspect]
	plumbing *plumbing
	names    *askedNames
	dns      *dnsState
	sensors  *sensorLedger
	commands *commandMemory
	changers *table[changer]
	images   *table[imageHabit]
	tables   []memory

	agents agentImages // worked out again after a restart
}

func newRuntimeState(durable bool) *runtimeState {
	s := &runtimeState{
		suspects: newTable[suspect]("runtime-suspects", maxSuspects, suspectIdle),
		plumbing: newPlumbing(),
		names:    newAskedNames(),
		dns:      newDNSState("runtime-dns"),
		agents:   agentImages{},
		sensors:  newSensorLedger(),
		commands: newCommandMemory(),
		changers: newTable[changer]("runtime-changers", maxChangers, fileWindow),
		images:   newTable[imageHabit]("runtime-images", maxImages, imageIdle),
	}
	s.tables = []memory{s.suspects, s.changers, s.images}
	for _, list := range [][]memory{s.plumbing.memories(), s.names.memories(), s.dns.memories(), s.sensors.memories(), s.commands.memories()} {
		s.tables = append(s.tables, list...)
	}
	if durable {
		for _, t := range s.tables {
			t.keep()
		}
	}
	return s
}

// runtimeLog is how the names of the tables of runtimeState begin.
const runtimeLog = "runtime-"

func (e *Engine) runtimeIn(sc *scope) *runtimeState {
	if sc.runtime == nil {
		sc.runtime = newRuntimeState(e.opts.Durable)
	}
	return sc.runtime
}

// runtimeRecord is one record of a sensor under judgement.
type runtimeRecord struct {
	*event.Runtime
	ev    *event.Event
	state *runtimeState
	opts  *Options
	out   []*finding.Signal
	hints *[]Hint

	occurrence string // worked out once something is claimed
}

// runtimeDetector looks at a record of a kind it is listed under and raises what
// it claims of it. The record has a process, unless it is of KindModule or KindBPF.
type runtimeDetector func(*runtimeRecord)

// runtimeDetectors lists the detectors under the kinds of records they look at.
func runtimeDetectors() map[event.RuntimeKind][]runtimeDetector {
	return map[event.RuntimeKind][]runtimeDetector{
		event.KindExec: {
			maliciousFile, reverseShellExec, shellOfService, fileless, newBinary, miner, escapeByDirectory, elevation,
			commandLine, drift,
		},
		event.KindDup:         {reverseShellDup},
		event.KindLibrary:     {newLibrary},
		event.KindConnect:     {dockerSocket, listedPeer, relayConnects},
		event.KindAccept:      {relayConnects},
		event.KindBind:        {servesDNS},
		event.KindListen:      {servesDNS},
		event.KindOpen:        {runcOverwritten, releaseAgent, sensitiveFile},
		event.KindRename:      {runcOverwritten, sensitiveFile},
		event.KindUnlink:      {sensitiveFile},
		event.KindLink:        {sensitiveFile},
		event.KindSymlink:     {sensitiveFile},
		event.KindChmod:       {sensitiveFile},
		event.KindDNS:         {asksName},
		event.KindMount:       {hostMount},
		event.KindModule:      {kernelModule},
		event.KindPtrace:      {ptraced},
		event.KindVMWrite:     {memoryWritten},
		event.KindProcMem:     {memoryOpened},
		event.KindUserfaultfd: {userfaultfd},
		event.KindSetuid:      {elevation},
		event.KindStratum:     {stratum},
	}
}

// judgeRuntime runs the detectors of a sensor's record.
func (e *Engine) judgeRuntime(sc *scope, ev *event.Event) []*finding.Signal {
	r := &e.runtimeRecord
	*r = runtimeRecord{Runtime: ev.Runtime, ev: ev, state: e.runtimeIn(sc), opts: &e.opts, hints: &e.hints}
	r.raiseOverdue()
	if r.Process != nil || r.Module != nil {
		for _, d := range e.runtime[r.Kind] {
			d(r)
		}
	}
	r.earlierFiles()
	alerted(r)
	out := r.out
	*r = runtimeRecord{}
	return out
}

// suspect is what was wrong in one container, or on one node, of late.
type suspect struct {
	Last []suspicion
}

type suspicion struct {
	What string // a finding type, or a word of its own
	At   int64  // Unix seconds
}

const maxSuspicions = 8

// suspect remembers that something was wrong where the record is from, for
// detectors that ask for more than one thing. What was raised is remembered anyway.
func (r *runtimeRecord) suspect(what string) {
	s := r.state.suspects.touch(r.here(), r.ev.Time)
	for i := range s.Last {
		if s.Last[i].What == what {
			s.Last[i].At = max(s.Last[i].At, r.ev.Time.Unix())
			return
		}
	}
	if len(s.Last) == maxSuspicions {
		s.Last = s.Last[1:]
	}
	s.Last = append(s.Last, suspicion{what, r.ev.Time.Unix()})
}

// suspicions are what was wrong where the record is from, within a time of it.
func (r *runtimeRecord) suspicions(within time.Duration) (out []string) {
	s := r.state.suspects.get(r.here())
	if s == nil {
		return nil
	}
	for _, x := range s.Last {
		if since(x.At, r.ev.Time).Abs() <= within {
			out = append(out, x.What)
		}
	}
	return out
}
