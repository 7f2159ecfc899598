package kernel

import (
	"errors"
	"fmt"
	"path"
	"strconv"
)

// Op is a system call, whatever number the architecture gives it.
type Op uint32

// The system calls a Call can be; their order is that of bpf/numbers.bpf.h.
const (
	OpOpen Op = iota + 1
	OpCreat
	OpOpenat
	OpOpenat2
	OpOpenByHandleAt
	OpRename
	OpRenameat
	OpRenameat2
	OpUnlink
	OpUnlinkat
	OpLink
	OpLinkat
	OpSymlink
	OpSymlinkat
	OpChmod
	OpFchmod
	OpFchmodat
	OpFchmodat2
	OpTruncate
	OpDup
	OpDup2
	OpDup3
	OpFcntl
	OpConnect
	OpSocketcall
	OpAccept
	OpAccept4
	OpSocket
	OpMmap
	OpMprotect
	OpPkeyMprotect
	OpSetuid
	OpSetreuid
	OpSetresuid
	OpSetgid
	OpSetregid
	OpSetresgid
	OpCapset
	OpUnshare
	OpSetns
	OpMount
	OpUmount2
	OpMoveMount
	OpOpenTree
	OpFsopen
	OpFsconfig
	OpPivotRoot
	OpChroot
	OpInitModule
	OpFinitModule
	OpBPF
	OpPtrace
	OpProcessVMReadv
	OpProcessVMWritev
	OpUserfaultfd
	OpMemfdCreate
	OpIOUringSetup
	ops // one more than the last
)

var opNames = [ops]string{
	"", "open", "creat", "openat", "openat2", "open_by_handle_at", "rename", "renameat", "renameat2", "unlink", "unlinkat",
	"link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "truncate", "dup", "dup2", "dup3",
	"fcntl", "connect", "socketcall", "accept", "accept4", "socket", "mmap", "mprotect", "pkey_mprotect", "setuid", "setreuid",
	"setresuid", "setgid", "setregid", "setresgid", "capset", "unshare", "setns", "mount", "umount2", "move_mount", "open_tree",
	"fsopen", "fsconfig", "pivot_root", "chroot", "init_module", "finit_module", "bpf", "ptrace", "process_vm_readv",
	"process_vm_writev", "userfaultfd", "memfd_create", "io_uring_setup",
}

func (o Op) String() string {
	if o > 0 && o < ops {
		return opNames[o]
	}
	return "call " + strconv.Itoa(int(o))
}

// Call is a system call that came to its end. What the fields hold depends on
// the record's kind:
//
//	Credentials  Args: new ids, or effective and permitted capabilities; the Actor has the new ones
//	Namespace    Args[0]: flags, Args[1]: inode of the namespace entered; Target: whose, by pidfd
//	Mount        Text: source, target, type; Args[0]: flags
//	Module       Text[0]: name; Path, File: what it was loaded from
//	BPF          Text[0]: name; Args[0]: program type
//	Ptrace       Args[0]: request; Target; TargetNSPID
//	VMAccess     TargetNSPID
//	Userfault    Args[0]: flags
//	Memfd        Text[0]: name; Args[0]: flags
//	IOUring      Args[0]: entries
//	Dup          Args: old and new descriptor; Stream; Path of a FIFO
//	UnixConnect  Path as given, NewPath as the socket was bound; Args[0]: descriptor
//	Root         Text: path; for pivot_root new root and where the old one goes
//	Handle       Path, File; Args[0]: flags
//	Map          Path, File, Writer; Args[0]: protection
//	Open         Path, File, Writer before this one; Args[0]: flags; Target of /proc/PID
//	Rename, Link Path, NewPath
//	Symlink      Text[0]: what it points to; NewPath: where it is
//	Unlink, Truncate  Path
//	Chmod        Path; Args[0]: mode
type Call struct {
	Op   Op
	Ret  int // as the system call returned it: below zero an errno
	Args [4]uint64
	// Target is another process; Start is 0 where only its number is known.
	Target Process
	// TargetNSPID is its number as the Actor's pid namespace counts, where the
	// kernel could not say more.
	TargetNSPID   uint32
	Text          [3]string
	Path, NewPath Path
	File          File
	Writer        Writer
	Stream        Descriptor
}

// Failed says whether the call came to nothing.
func (c *Call) Failed() bool { return c.Ret < 0 }

// The flags of open that say what for, as Args[0] of an Open has them.
const (
	FlagCreate   = 0o100
	FlagTruncate = 0o1000
	FlagAppend   = 0o2000
)

const (
	extraNone = iota
	extraFile
	extraDescriptor
)

func (c *Call) decode(cur *cursor, kind Kind) error {
	*c = Call{Op: Op(cur.u32()), Ret: int(int32(cur.u32()))}
	for i := range c.Args {
		c.Args[i] = cur.u64()
	}
	c.Target.Start = cur.since()
	c.Target.PID = cur.u32()
	c.TargetNSPID = cur.u32()
	var n [4]uint16
	for i := range n {
		n[i] = cur.u16()
	}
	flags := [4]byte(cur.b[cur.off:])
	cur.skip(4)
	extra := cur.u16()
	cur.skip(2)
	if err := c.extra(cur, extra); err != nil {
		return err
	}
	return c.texts(cur, kind, n, flags)
}

// extra reads what a call of some kinds has more.
func (c *Call) extra(cur *cursor, what uint16) error {
	n := 0
	switch what {
	case extraNone:
	case extraFile:
		n = fileSize + writerSize
	case extraDescriptor:
		n = descriptorSize
	default:
		return fmt.Errorf("%w: unknown extra part %d", ErrRecord, what)
	}
	if len(cur.text) < n {
		return fmt.Errorf("%w: %d bytes for extra part %d", ErrRecord, len(cur.text), what)
	}
	switch what {
	case extraFile:
		c.File.decode(cur)
		c.Writer.decode(cur)
	case extraDescriptor:
		c.Stream.decode(cur)
	}
	cur.text = cur.text[n:]
	return nil
}

// texts reads the texts, which mean what the kind says.
func (c *Call) texts(cur *cursor, kind Kind, n [4]uint16, flags [4]byte) error {
	var errs [4]error
	switch kind {
	case KindOpen, KindMap, KindHandle, KindDup:
		c.Path, errs[0] = cur.optionalPath(n[0], flags[0])
	case KindUnixConnect:
		c.Path.Name, errs[0] = cur.name(n[0])
		c.NewPath, errs[1] = cur.optionalPath(n[1], flags[1])
	case KindModule:
		c.Text[0], errs[0] = cur.name(n[0])
		c.Path, errs[1] = cur.optionalPath(n[1], flags[1])
	case KindRename, KindLink, KindUnlink, KindTruncate, KindChmod, KindSymlink:
		return c.namedPaths(cur, kind, n, flags)
	default:
		for i := range c.Text {
			c.Text[i], errs[i] = cur.name(n[i])
		}
	}
	return errors.Join(errs[:]...)
}

// namedPaths reads one or two paths as the process wrote them and, where they
// are relative, the directories they begin at.
func (c *Call) namedPaths(cur *cursor, kind Kind, n [4]uint16, flags [4]byte) error {
	var names [2]string
	var bases [2]Path
	var errs [4]error
	names[0], errs[0] = cur.name(n[0])
	names[1], errs[1] = cur.name(n[1])
	bases[0], errs[2] = cur.optionalPath(n[2], flags[2])
	bases[1], errs[3] = cur.optionalPath(n[3], flags[3])
	if kind == KindSymlink {
		c.Text[0] = names[0]
	} else {
		c.Path = joined(bases[0], names[0])
	}
	if n[1] > 0 {
		c.NewPath = joined(bases[1], names[1])
	}
	return errors.Join(errs[:]...)
}

// joined is a path that a process wrote, begun where it begins. Its dots are
// taken as if no link were on the way.
func joined(base Path, name string) Path {
	if path.IsAbs(name) {
		return Path{Name: path.Clean(name)}
	}
	base.Name = path.Join(base.Name, name)
	return base
}

// optionalPath is path, but none is none and not the root.
func (c *cursor) optionalPath(n uint16, flags uint8) (Path, error) {
	if n == 0 && flags == 0 {
		return Path{}, nil
	}
	return c.path(n, flags)
}
