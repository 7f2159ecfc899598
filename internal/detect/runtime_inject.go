package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// ptraced looks for processes that trace others, and for those that let
// themselves be traced by nobody in particular, so that no debugger can.
func ptraced(r *runtimeRecord) {
	t := r.Target
	if t == nil || r.isRuntimeProcess() {
		return
	}
	if t.Request == "PTRACE_TRACEME" {
		antiDebugging(r)
		return
	}
	severity, ok := r.reachesInto(&t.Process)
	if !ok {
		return
	}
	s := r.claimInjection("Ptrace", severity)
	s.Title = fmt.Sprintf("A process in %s traces another.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s by ptrace; who traces a process can change what it does.", upper(processName(r.Process)), r.where(), r.did("traced", "trace", processName(&t.Process)))
	s.Why = fmt.Sprintf("it made the request %s of the process %d", t.Request, t.Process.PID)
	r.raise(s)
}

// antiDebugging looks for processes that ask to be traced where nobody is there
// to trace them. What a debugger or a tracer starts asks so before it becomes the
// program, and is a copy of its parent until then.
func antiDebugging(r *runtimeRecord) {
	parent := r.parent()
	if r.Error != "" || parent == nil || isDebugger(parent) || isDebugger(r.Process) || exeOf(parent) == exeOf(r.Process) || isTracer(parent) {
		return
	}
	s := r.claim("DefenseEvasion:Runtime/PtraceAntiDebugging", processName(r.Process))
	s.Title = fmt.Sprintf("A process in %s keeps debuggers away.", r.where())
	s.Description = fmt.Sprintf("%s in %s asked to be traced by %s, which is no debugger: nobody else can trace it now.", upper(processName(r.Process)), r.where(), processName(parent))
	s.Why = "it made the request PTRACE_TRACEME, and its parent " + processName(parent) + " is no debugger"
	r.raise(s)
}

// isTracer knows programs that run others under ptrace without being debuggers:
// sandboxes, emulations and fakes of root.
func isTracer(p *event.Process) bool { return !isScratch(p.Executable) && tracer.is(baseOf(p)) }

// memoryWritten looks for processes that write into the memory of others.
func memoryWritten(r *runtimeRecord) {
	t := r.Target
	if t == nil || r.isRuntimeProcess() || r.isMessagePassing(&t.Process) {
		return
	}
	severity, ok := r.reachesInto(&t.Process)
	if !ok {
		return
	}
	s := r.claimInjection("VirtualMemoryWrite", severity)
	s.Title = fmt.Sprintf("A process in %s writes into the memory of another.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s.", upper(processName(r.Process)), r.where(), r.did("wrote into the memory of", "write into the memory of", processName(&t.Process)))
	s.Why = fmt.Sprintf("process_vm_writev of the process %d", t.Process.PID)
	r.raise(s)
}

// memoryOpened looks for processes that open the memory of others for writing.
func memoryOpened(r *runtimeRecord) {
	t := r.Target
	if t == nil || r.isRuntimeProcess() {
		return
	}
	severity, ok := r.reachesInto(&t.Process)
	if !ok {
		return
	}
	s := r.claimInjection("Proc", severity)
	s.Title = fmt.Sprintf("A process in %s opens the memory of another for writing.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s for writing.", upper(processName(r.Process)), r.where(), r.did("opened the memory of", "open the memory of", processName(&t.Process)))
	s.Why = fmt.Sprintf("/proc/%d/mem was opened for writing by another process", t.Process.PID)
	r.raise(s)
}

func (r *runtimeRecord) claimInjection(mechanism string, severity float64) *finding.Signal {
	s := r.claim("DefenseEvasion:Runtime/ProcessInjection."+mechanism, processName(r.Process)+"|"+processName(&r.Target.Process))
	s.Runtime.Context.TargetProcess = processOf(&r.Target.Process)
	if severity != 0 {
		s.Severity = severity
	}
	return s
}

// lowSeverity is that of what a person may well do on purpose.
const lowSeverity = 2

// reachesInto reports whether that a process reaches into another is worth a
// finding; severity 0 is that of the type. Debuggers are what they are: with
// what they started themselves, and where programs are made, they are silent;
// on a stranger they are worth a look, since attackers have debuggers, too.
func (r *runtimeRecord) reachesInto(target *event.Process) (severity float64, ok bool) {
	p := r.Process
	child := target.ParentUUID != "" && target.ParentUUID == p.UUID
	switch {
	case target.UUID != "" && target.UUID == p.UUID, target.UUID == "" && target.PID == p.PID:
		return 0, false
	case r.handlesCrash(target):
		return 0, false
	case isTracer(p) || r.isOwnWork():
		return 0, false
	case isDebugger(p):
		return lowSeverity, !child && !r.isDebugged(target) && !r.inDevelopment()
	}
	return 0, true
}

// handlesCrash reports whether a process looks into the one that started it,
// which is a program of the same kind: it writes down a crash, or looks for leaks.
func (r *runtimeRecord) handlesCrash(target *event.Process) bool {
	for i := range r.Ancestors {
		if a := &r.Ancestors[i]; a.UUID != "" && a.UUID == target.UUID {
			return exeOf(a) == exeOf(r.Process) || strings.Contains(baseOf(r.Process), "crash") || strings.Contains(baseOf(r.Process), "breakpad")
		}
	}
	return false
}

// isDebugged reports whether the other process comes from the same debugger, or
// from who started the debugger, as a program under a debugging server.
func (r *runtimeRecord) isDebugged(target *event.Process) bool {
	parent := r.parent()
	return parent != nil && isDebugger(parent) && target.ParentUUID == parent.UUID
}

// inDevelopment reports whether the record is from where programs are made: a
// namespace that says so.
func (r *runtimeRecord) inDevelopment() bool {
	if r.Pod == nil {
		return false
	}
	words := strings.FieldsFunc(r.Pod.Namespace, func(c rune) bool { return c == '-' || c == '_' })
	return slices.ContainsFunc(words, developmentWord.is)
}

// isMessagePassing reports whether two processes are ranks of one parallel
// program, which hand each other data that way: one program, started by one parent.
func (r *runtimeRecord) isMessagePassing(target *event.Process) bool {
	p := r.Process
	return p.ParentUUID != "" && p.ParentUUID == target.ParentUUID && exeOf(p) != "" && exeOf(p) == exeOf(target)
}
