package setting

import (
	"slices"

	"github.com/vedette-project/vedette/internal/event"
)

// Weights is how long each kind is kept when the sensor uses too much CPU: 1
// goes first, 4 never. What is rare and damning weighs most; what a busy
// service does a thousand times a second, least. There is one entry for each
// kind that the kernel tells of.
func Weights() map[event.RuntimeKind]int {
	return map[event.RuntimeKind]int{
		event.KindFork: 1, event.KindExit: 1, event.KindAccept: 1,
		event.KindUnlink: 1, event.KindRename: 1, event.KindLink: 1, event.KindSymlink: 1, event.KindChmod: 1,

		event.KindConnect: 2, event.KindDNS: 2, event.KindOpen: 2, event.KindBind: 2,

		event.KindExec: 3, event.KindLibrary: 3, event.KindListen: 3, event.KindSetuid: 3,

		event.KindDup: 4, event.KindSocket: 4, event.KindMount: 4, event.KindUnmount: 4, event.KindModule: 4, event.KindBPF: 4,
		event.KindPtrace: 4, event.KindVMRead: 4, event.KindVMWrite: 4, event.KindProcMem: 4, event.KindMemfd: 4,
		event.KindUserfaultfd: 4, event.KindIOURing: 4, event.KindProtect: 4, event.KindCapset: 4, event.KindSetns: 4,
		event.KindUnshare: 4, event.KindChroot: 4, event.KindHandle: 4, event.KindStratum: 4,
	}
}

// DefaultKinds are all kinds but those that no detection uses: a process that
// merely began or ended is told by the records of what it did.
func DefaultKinds() []event.RuntimeKind {
	var out []event.RuntimeKind
	for k := range Weights() {
		if k != event.KindFork && k != event.KindExit {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
