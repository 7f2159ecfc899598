package event

import (
	"net/netip"
	"time"
)

// Exec is a program that a process became.
type Exec struct {
	Path string  `json:"path,omitempty"` // as it was asked for
	File Image   `json:"file"`
	FDs  []Stdio `json:"stdio,omitempty"` // descriptors 0, 1 and 2 where they are open
	// OldUID and OldEUID were the user's before a setuid program changed them.
	OldUID  uint32 `json:"oldUid"`
	OldEUID uint32 `json:"oldEuid"`
	// Setuid says that the file's mode or capabilities raised the rights.
	Setuid bool `json:"setuid,omitempty"`
}

// Image is a file that is run or mapped as code.
type Image struct {
	Path   string    `json:"path,omitempty"`
	Device uint64    `json:"device,omitempty"`
	Inode  uint64    `json:"inode,omitempty"`
	Mode   uint32    `json:"mode,omitempty"` // permission bits, with setuid 04000
	CTime  time.Time `json:"ctime,omitzero"`
	MTime  time.Time `json:"mtime,omitzero"`
	// FileSystem is overlay, tmpfs, ext4, …; "" if it is not known.
	FileSystem string `json:"fileSystem,omitempty"`
	Memfd      bool   `json:"memfd,omitempty"`   // made by memfd_create
	Deleted    bool   `json:"deleted,omitempty"` // no name leads to it any more
	// Upper says that the file is none of the container's image: it lies in the
	// layer that the container itself writes.
	Upper bool `json:"upper,omitempty"`
	// Writer is who wrote it since the sensor started, and WrittenAt when last.
	Writer    *Process  `json:"writer,omitempty"`
	WrittenAt time.Time `json:"writtenAt,omitzero"`
}

// Stdio is what a standard descriptor leads to.
type Stdio struct {
	FD     int     `json:"fd"`
	Kind   string  `json:"kind"` // tty, pipe, socket, file, null or other
	Path   string  `json:"path,omitempty"`
	Inode  uint64  `json:"inode,omitempty"` // of a pipe or socket: who shares it is connected
	Socket *Socket `json:"socket,omitempty"`
}

// Socket is a socket and its two ends.
type Socket struct {
	Family   string         `json:"family"`             // AF_INET, AF_INET6, AF_UNIX, AF_PACKET, …
	Type     string         `json:"type,omitempty"`     // SOCK_STREAM, SOCK_DGRAM, SOCK_RAW
	Protocol uint8          `json:"protocol,omitempty"` // IANA number
	Local    netip.AddrPort `json:"local,omitzero"`
	Remote   netip.AddrPort `json:"remote,omitzero"`
	Path     string         `json:"path,omitempty"` // of a Unix socket's peer
	Inode    uint64         `json:"inode,omitempty"`
	// Accepted says that the other end began: the process serves it.
	Accepted bool `json:"accepted,omitempty"`
}

// Exit is how a process ended.
type Exit struct {
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
}

// FileChange is a file that was opened for writing, or changed by name.
type FileChange struct {
	Path    string   `json:"path"`
	NewPath string   `json:"newPath,omitempty"` // of a rename or link; of a symlink Path is where it leads
	Flags   []string `json:"flags,omitempty"`   // O_WRONLY, O_CREAT, O_TRUNC, …
	Mode    uint32   `json:"mode,omitempty"`    // new permission bits of a chmod
	Created bool     `json:"created,omitempty"`
	// Host says that the file is one of the node, seen in a container through a mount.
	Host bool `json:"host,omitempty"`
}

// Mapped is a library that a process loaded.
type Mapped struct {
	File Image `json:"file"`
}

// Connection is what a process did with a socket.
type Connection struct {
	Socket Socket `json:"socket"`
	// Established says that the other end answered.
	Established bool `json:"established,omitempty"`
	// Count is how many like it the record stands for; 0 is one.
	Count int `json:"count,omitempty"`
}

// Dup is a socket or pipe that became a standard descriptor.
type Dup struct {
	Old int `json:"old"`
	Stdio
	// All are descriptors 0, 1 and 2 after it.
	All []Stdio `json:"stdio,omitempty"`
}

// Lookup is a DNS message that a process sent or got.
type Lookup struct {
	Transport string         `json:"transport"` // UDP or TCP
	Server    netip.AddrPort `json:"server,omitzero"`
	Local     netip.AddrPort `json:"local,omitzero"`
	ID        uint16         `json:"id"`
	Response  bool           `json:"response,omitempty"`
	Name      string         `json:"name"` // as asked, lower case, without the final dot
	Type      string         `json:"type"`
	Rcode     string         `json:"rcode,omitempty"`
	Answers   []DNSRecord    `json:"answers,omitempty"`
}

// DNSRecord is one resource record of an answer.
type DNSRecord struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
	Data string `json:"data"`
}

// Mount is a file system that was put somewhere, or taken away.
type Mount struct {
	Source     string   `json:"source,omitempty"`
	Target     string   `json:"target"`
	FileSystem string   `json:"fileSystem,omitempty"`
	Flags      []string `json:"flags,omitempty"` // MS_BIND, MS_RDONLY, …
}

// Module is code that was loaded into the kernel.
type Module struct {
	Name   string `json:"name,omitempty"`
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Type   string `json:"type,omitempty"` // of a BPF program
}

// Target is another process that was reached into.
type Target struct {
	Process Process `json:"process"`
	Request string  `json:"request,omitempty"` // PTRACE_ATTACH, PTRACE_TRACEME, …
	Bytes   int64   `json:"bytes,omitempty"`
}

// Memory is memory that was made.
type Memory struct {
	Name  string   `json:"name,omitempty"` // of a memfd
	Flags []string `json:"flags,omitempty"`
	Start uint64   `json:"start,omitempty"`
	Size  uint64   `json:"size,omitempty"`
}

// Creds are the rights a process gave itself.
type Creds struct {
	OldUID  uint32   `json:"oldUid"`
	OldEUID uint32   `json:"oldEuid"`
	Added   []string `json:"addedCapabilities,omitempty"`
}

// Namespace is a namespace that was entered or made.
type Namespace struct {
	Types []string `json:"types"` // mnt, pid, net, user, uts, ipc, cgroup
	// Host says that one of them is now the node's own.
	Host bool `json:"host,omitempty"`
}

// Stratum is the start of a conversation with a mining pool.
type Stratum struct {
	Method string `json:"method"`
	User   string `json:"user,omitempty"`  // account or wallet
	Agent  string `json:"agent,omitempty"` // the miner
	Socket Socket `json:"socket"`
}

// Status is what a sensor says of itself. Counts are since its start. What was
// lost before it got a number is in Lost; records that have one and were given
// up are missing numbers, and are in Discarded besides.
type Status struct {
	Up        float64          `json:"upSeconds"`
	CPU       float64          `json:"cpuSeconds"`
	RSS       int64            `json:"rssBytes"`
	Seen      int64            `json:"seen"`
	Sent      int64            `json:"sent"`
	Lost      map[string]int64 `json:"lost,omitempty"`     // by reason
	Filtered  map[string]int64 `json:"filtered,omitempty"` // by kind: what no detection uses
	Discarded int64            `json:"discarded,omitempty"`
	// Before is the run of this sensor before this one, in its first record: what
	// it numbered and the server has not is lost.
	Before *Session `json:"before,omitempty"`
	// Missing are features that this kernel or configuration does not allow.
	Missing []string `json:"missing,omitempty"`
	// Ending says that the sensor stops on purpose.
	Ending bool `json:"ending,omitempty"`
}

// Session is a run of a sensor that has ended.
type Session struct {
	ID       string    `json:"session"`
	Sequence uint64    `json:"sequence"` // the number of its last record
	Last     time.Time `json:"last,omitzero"`
}

// Alert is what another sensor's rule said.
type Alert struct {
	Rule     string   `json:"rule"`
	Priority string   `json:"priority,omitempty"`
	Text     string   `json:"text,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}
