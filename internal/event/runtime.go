package event

import "time"

// Runtime is one record of a sensor: what a process on a node did, or what the
// sensor says of itself. It tells all that is known of the process when it
// happens, so that records can be judged, and read, one by one.
//
// The same fields are the JSON of the record. Kind says which of the bodies at
// the end is set. Strings come from processes and may hold any byte that JSON
// can carry; whoever shows them encodes them.
type Runtime struct {
	Version string      `json:"runtimeVersion"` // of this form: RuntimeVersion
	Kind    RuntimeKind `json:"kind"`
	Time    time.Time   `json:"time"`
	Sensor  Sensor      `json:"sensor"`
	Node    Node        `json:"node"`
	// Process is who did it; Ancestors are its parents, nearest first.
	Process   *Process   `json:"process,omitempty"`
	Ancestors []Process  `json:"ancestors,omitempty"`
	Container *Container `json:"container,omitempty"` // nil for a process of the node itself
	Pod       *Pod       `json:"pod,omitempty"`
	// Error is the errno's name, such as EPERM, of what was tried in vain.
	Error string `json:"error,omitempty"`

	Exec      *Exec       `json:"exec,omitempty"`
	Exit      *Exit       `json:"exit,omitempty"`
	File      *FileChange `json:"file,omitempty"`
	Library   *Mapped     `json:"library,omitempty"`
	Net       *Connection `json:"network,omitempty"`
	Dup       *Dup        `json:"dup,omitempty"`
	DNS       *Lookup     `json:"dns,omitempty"`
	Mount     *Mount      `json:"mount,omitempty"`
	Module    *Module     `json:"module,omitempty"`
	Target    *Target     `json:"target,omitempty"`
	Memory    *Memory     `json:"memory,omitempty"`
	Creds     *Creds      `json:"credentials,omitempty"`
	Namespace *Namespace  `json:"namespace,omitempty"`
	Stratum   *Stratum    `json:"stratum,omitempty"`
	Status    *Status     `json:"status,omitempty"`
	Alert     *Alert      `json:"alert,omitempty"`
}

// RuntimeVersion is the version of the form of records of sensors.
const RuntimeVersion = "1"

// MaxAncestors is how many parents a record names.
const MaxAncestors = 8

// RuntimeKind is what a record of a sensor tells.
type RuntimeKind string

// The kinds, and the body that each has.
const (
	KindExec        RuntimeKind = "exec"         // Exec
	KindFork        RuntimeKind = "fork"         // none: Process is the child
	KindExit        RuntimeKind = "exit"         // Exit
	KindOpen        RuntimeKind = "open"         // File: opened for writing
	KindRename      RuntimeKind = "rename"       // File
	KindUnlink      RuntimeKind = "unlink"       // File
	KindLink        RuntimeKind = "link"         // File
	KindSymlink     RuntimeKind = "symlink"      // File
	KindChmod       RuntimeKind = "chmod"        // File
	KindLibrary     RuntimeKind = "library"      // Library: a file mapped as code
	KindConnect     RuntimeKind = "connect"      // Net
	KindAccept      RuntimeKind = "accept"       // Net
	KindListen      RuntimeKind = "listen"       // Net
	KindBind        RuntimeKind = "bind"         // Net
	KindSocket      RuntimeKind = "socket"       // Net: a raw or packet socket was made
	KindDup         RuntimeKind = "dup"          // Dup
	KindDNS         RuntimeKind = "dns"          // DNS
	KindMount       RuntimeKind = "mount"        // Mount
	KindUnmount     RuntimeKind = "unmount"      // Mount
	KindModule      RuntimeKind = "module_load"  // Module
	KindBPF         RuntimeKind = "bpf_load"     // Module: its name and type
	KindPtrace      RuntimeKind = "ptrace"       // Target
	KindVMRead      RuntimeKind = "vm_read"      // Target: process_vm_readv
	KindVMWrite     RuntimeKind = "vm_write"     // Target: process_vm_writev
	KindProcMem     RuntimeKind = "proc_mem"     // Target: /proc/PID/mem opened for writing
	KindMemfd       RuntimeKind = "memfd_create" // Memory
	KindUserfaultfd RuntimeKind = "userfaultfd"  // none
	KindIOURing     RuntimeKind = "io_uring"     // none
	KindProtect     RuntimeKind = "mprotect"     // Memory: written memory made executable
	KindSetuid      RuntimeKind = "setuid"       // Creds
	KindCapset      RuntimeKind = "capset"       // Creds
	KindSetns       RuntimeKind = "setns"        // Namespace
	KindUnshare     RuntimeKind = "unshare"      // Namespace
	KindChroot      RuntimeKind = "chroot"       // File: also pivot_root
	KindHandle      RuntimeKind = "open_handle"  // File: open_by_handle_at
	KindStratum     RuntimeKind = "stratum"      // Stratum
	KindStatus      RuntimeKind = "status"       // Status: every minute, and before the end
	// KindAlert is a verdict of another sensor that tells of no process act
	// which has a kind of its own.
	KindAlert RuntimeKind = "alert" // Alert
)

// Sensor is who wrote a record. Session and Sequence tell it from all others:
// a session is one run of a sensor, and numbers its records from 1 without a
// gap, so that one that is missing was lost.
type Sensor struct {
	Name     string `json:"name"` // vedette, falco, tetragon or tracee
	Version  string `json:"version,omitempty"`
	Session  string `json:"session,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
}

// Node is the machine.
type Node struct {
	Name    string `json:"name"`
	Cluster string `json:"cluster,omitempty"`
	BootID  string `json:"bootId,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// InstanceID, Account and Region are set where the machine is an EC2 instance.
	InstanceID string `json:"instanceId,omitempty"`
	Account    string `json:"accountId,omitempty"`
	Region     string `json:"region,omitempty"`
	Address    string `json:"address,omitempty"` // of the node in the cluster
}

// Process is one program in one process. UUID stands for the process, over all
// programs that it becomes; it is made of the boot, the pid and the start.
type Process struct {
	UUID         string    `json:"uuid"`
	ParentUUID   string    `json:"parentUuid,omitempty"`
	PID          int       `json:"pid"`
	NamespacePID int       `json:"namespacePid,omitempty"` // as the process sees itself
	Name         string    `json:"name"`                   // the kernel's short name (comm)
	Executable   string    `json:"executable,omitempty"`   // path in the process's own root
	SHA256       string    `json:"sha256,omitempty"`
	Args         []string  `json:"args,omitempty"`
	ArgsCut      bool      `json:"argsCut,omitempty"` // there were more
	Cwd          string    `json:"cwd,omitempty"`
	Script       string    `json:"script,omitempty"` // what an interpreter was started for by its #! line
	UID          uint32    `json:"uid"`
	GID          uint32    `json:"gid"`
	EUID         uint32    `json:"euid"`
	EGID         uint32    `json:"egid"`
	User         string    `json:"user,omitempty"`
	Start        time.Time `json:"start,omitzero"`
	TTY          bool      `json:"tty,omitempty"`
	// Listens says that the process, or one it comes from in the same container,
	// has a listening socket: it is a network service.
	Listens bool `json:"listens,omitempty"`
	// Preload and LibraryPath are LD_PRELOAD and LD_LIBRARY_PATH.
	Preload     string `json:"ldPreload,omitempty"`
	LibraryPath string `json:"ldLibraryPath,omitempty"`
}

// Container is the container of the process.
type Container struct {
	ID         string    `json:"id"`
	Name       string    `json:"name,omitempty"`
	Image      string    `json:"image,omitempty"`
	ImageID    string    `json:"imageId,omitempty"`
	Runtime    string    `json:"runtime,omitempty"` // containerd, cri-o, docker, podman
	Start      time.Time `json:"start,omitzero"`
	Privileged bool      `json:"privileged,omitempty"`
	Mounts     []Bind    `json:"mounts,omitempty"` // of the host's files
	// Build says that the container makes an image.
	Build bool `json:"build,omitempty"`
}

// Bind is a path of the node that a container sees.
type Bind struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	Name     string `json:"name,omitempty"` // of the volume
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// Pod is the pod of the container.
type Pod struct {
	Name           string `json:"name"`
	Namespace      string `json:"namespace"`
	UID            string `json:"uid,omitempty"`
	ServiceAccount string `json:"serviceAccount,omitempty"`
	OwnerKind      string `json:"ownerKind,omitempty"` // Deployment, DaemonSet, …
	OwnerName      string `json:"ownerName,omitempty"`
	Address        string `json:"address,omitempty"`
	HostNetwork    bool   `json:"hostNetwork,omitempty"`
	HostPID        bool   `json:"hostPid,omitempty"`
	HostIPC        bool   `json:"hostIpc,omitempty"`
}
