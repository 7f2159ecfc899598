package kernel

import (
	"net/netip"
	"strconv"
	"time"
)

// Kind is what a record is about.
type Kind uint16

// The kinds of records; their numbers are those of bpf/common.bpf.h.
const (
	KindExec        Kind = 1  // a process became another program
	KindFork        Kind = 2  // a process began
	KindExit        Kind = 3  // a process ended
	KindCredentials Kind = 4  // user, group or capabilities changed
	KindNamespace   Kind = 5  // setns, unshare
	KindMount       Kind = 6  // a mount was made, moved or taken away, or tried
	KindModule      Kind = 7  // a kernel module was loaded
	KindBPF         Kind = 8  // an eBPF program was loaded
	KindPtrace      Kind = 9  // a process controls another
	KindVMAccess    Kind = 10 // a process reads or writes another's memory
	KindUserfault   Kind = 11 // userfaultfd
	KindMemfd       Kind = 12 // a file in memory
	KindIOUring     Kind = 13 // io_uring was set up
	KindDup         Kind = 14 // a socket or pipe became a standard stream
	KindUnixConnect Kind = 15 // a connection to a named Unix socket
	KindHandle      Kind = 16 // open_by_handle_at
	KindRoot        Kind = 17 // chroot, pivot_root
	KindMap         Kind = 18 // a file written here was mapped as code
	KindOpen        Kind = 19 // a file of a watched name was opened for writing
	KindRename      Kind = 20
	KindUnlink      Kind = 21
	KindLink        Kind = 22
	KindSymlink     Kind = 23
	KindChmod       Kind = 24
	KindProtect     Kind = 25 // memory both writable and executable; counted only
	KindTruncate    Kind = 26

	callKinds = 40 // bound of the kinds that are processes, files and system calls
	kinds     = 64 // bound of the kernel's counters
)

var kindNames = [kinds]string{
	KindExec: "exec", KindFork: "fork", KindExit: "exit", KindCredentials: "credentials", KindNamespace: "namespace",
	KindMount: "mount", KindModule: "module", KindBPF: "bpf", KindPtrace: "ptrace", KindVMAccess: "vm-access",
	KindUserfault: "userfaultfd", KindMemfd: "memfd", KindIOUring: "io-uring", KindDup: "dup", KindUnixConnect: "unix-connect",
	KindHandle: "open-by-handle", KindRoot: "root", KindMap: "map", KindOpen: "open", KindRename: "rename", KindUnlink: "unlink",
	KindLink: "link", KindSymlink: "symlink", KindChmod: "chmod", KindProtect: "protect", KindTruncate: "truncate",
}

func (k Kind) String() string {
	if k < kinds && kindNames[k] != "" {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Record is one event. Exactly one of the bodies is set, by Kind. A Record owns
// its bodies and slices: they hold until it is read into again. Its strings
// may be kept.
type Record struct {
	Kind  Kind
	Lane  uint16
	CPU   uint32
	Time  time.Duration // since boot, suspended time included
	Seq   uint64        // per CPU and lane; a gap is a loss
	Actor Actor

	Exec    *Exec
	Fork    *Fork
	Exit    *Exit
	Call    *Call
	Network *Network

	exec    Exec
	fork    Fork
	exit    Exit
	call    Call
	network Network
}

// Process is the stable id of a process: pids are used again, but not at the
// same time since boot.
type Process struct {
	PID   uint32 // as the first pid namespace counts
	Start time.Duration
}

// Actor is the process that did it; of a fork, the new process.
type Actor struct {
	Process
	Local                 uint32 // its number in the sensor's pid namespace; 0: it is not in that one
	Parent                Process
	UID, GID, EUID, EGID  uint32
	NSPID                 uint32 // its number in its own pid namespace
	PIDNS, MountNS, NetNS uint32
	Cgroup                uint64 // id: the inode number of its directory
	Contained             bool   // another mount or pid namespace than the host's first
	UserNS                bool   // not in the first user namespace
	Compat                bool   // by a 32-bit system call
	Kernel                bool   // a kernel thread
	Comm                  string
}

// Exec is a process that became another program.
type Exec struct {
	Filename     string // as it was asked for: for a script, the script
	Interpreter  string // of a script; else ""
	Path         Path   // of the executable, as the process sees it
	Cwd          Path
	Cgroup       string // last two names of its cgroup
	CgroupParent string
	Env          []string // LD_PRELOAD=…, LD_LIBRARY_PATH=…, LD_AUDIT=…
	Args         []string
	ArgsSize     int  // in bytes, however much was read
	ArgsCut      bool // Args ends early
	ArgsLost     bool // the arguments' memory was not there
	EnvCut       bool // not all of the environment was searched
	Secure       bool // set-user-id, set-group-id or file capabilities gave rights
	Argc         int
	TTY          Device
	Capabilities uint64 // effective
	File         File
	Writer       Writer
	Streams      [3]Descriptor // descriptors 0, 1 and 2
}

// Fork is a process that began: the record's Actor.
type Fork struct {
	By Process // who made it; its parent, but for CLONE_PARENT
	// Which of the maker's namespaces it did not get.
	NewMountNS, NewPIDNS, NewNetNS, NewUserNS bool
}

// Exit is a process that ended.
type Exit struct {
	Code   int // as given to exit, when Signal is 0
	Signal int
	Core   bool
}

// Path is a path as the process sees it.
type Path struct {
	Name string
	// Outside: it does not lie under the process's root; Name begins at the root
	// of the topmost mount.
	Outside bool
	// Detached: it lies in no tree, as a memory file ("memfd:name") does.
	Detached bool
	// Cut: its beginning is missing.
	Cut bool
}

// Device is a device number as the kernel keeps it.
type Device uint32

// Major is the number of the driver.
func (d Device) Major() uint32 { return uint32(d) >> 20 }

// Minor is the number within the driver.
func (d Device) Minor() uint32 { return uint32(d) & 0xfffff }

// File is what an inode is.
type File struct {
	Inode             uint64
	Device            Device // of its file system
	Size              int64
	Modified, Changed time.Time
	FileSystem        uint64 // magic number
	Rdev              Device // of a device file
	Mode              uint32 // as stat gives it
	UID, GID          uint32
	Links             uint32 // 0: deleted
	Upper             bool   // in the upper layer of an overlay: not from the image
	Created           bool   // this open made it
}

// Magic numbers of file systems that detections ask for.
const (
	MagicOverlay = 0x794c7630
	MagicTmpfs   = 0x01021994
	MagicProc    = 0x9fa0
	MagicCgroup  = 0x27e0eb
	MagicCgroup2 = 0x63677270
)

// Writer is the process that last opened a file for writing, as far as the
// kernel remembers; PID 0 when it does not.
type Writer struct {
	Process
	Time      time.Duration
	Comm      string
	Contained bool
}

// Descriptor is what a file descriptor points to. Mode 0: it is closed.
type Descriptor struct {
	Inode         uint64
	Mode          uint32
	Device, Rdev  Device
	Family        uint16
	Type          uint16
	Protocol      uint16
	State         uint8 // of TCP
	Local, Remote netip.AddrPort
}

// The file types in a mode.
const (
	modeType   = 0o170000
	modeSocket = 0o140000
	modePipe   = 0o010000
	modeChar   = 0o020000
	modeFile   = 0o100000
)

// IsSocket says whether a descriptor is a socket.
func (d *Descriptor) IsSocket() bool { return d.Mode&modeType == modeSocket }

// IsPipe says whether it is a pipe or FIFO.
func (d *Descriptor) IsPipe() bool { return d.Mode&modeType == modePipe }

// IsFile says whether it is a regular file.
func (d *Descriptor) IsFile() bool { return d.Mode&modeType == modeFile }

// IsTerminal says whether it is a terminal: a console, serial line or
// pseudo-terminal.
func (d *Descriptor) IsTerminal() bool {
	major := d.Rdev.Major()
	return d.Mode&modeType == modeChar && (major == 4 || major == 5 || major >= 136 && major <= 143)
}

// IsNull says whether it is /dev/null.
func (d *Descriptor) IsNull() bool {
	return d.Mode&modeType == modeChar && d.Rdev.Major() == 1 && d.Rdev.Minor() == 3
}
