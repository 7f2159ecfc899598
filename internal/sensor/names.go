package sensor

import (
	"strconv"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

func itoa(n int) string { return strconv.Itoa(n) }

// bit is a flag and its name, as the manual pages have it.
type bit struct {
	mask uint64
	name string
}

// named lists the flags that are set.
func named(v uint64, bits []bit) []string {
	var out []string
	for _, b := range bits {
		if v&b.mask == b.mask {
			out = append(out, b.name)
		}
	}
	return out
}

// openFlags: the first two bits are a number.
func openFlags(v uint64) []string {
	mode := [...]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR"}[v&3]
	return append([]string{mode}, named(v, []bit{{0o100, "O_CREAT"}, {0o200, "O_EXCL"}, {0o1000, "O_TRUNC"}, {0o2000, "O_APPEND"}})...)
}

func mountFlags(v uint64) []string {
	return named(v, []bit{
		{1, "MS_RDONLY"}, {2, "MS_NOSUID"}, {4, "MS_NODEV"}, {8, "MS_NOEXEC"}, {32, "MS_REMOUNT"}, {4096, "MS_BIND"}, {8192, "MS_MOVE"},
		{16384, "MS_REC"}, {1 << 17, "MS_UNBINDABLE"}, {1 << 18, "MS_PRIVATE"}, {1 << 19, "MS_SLAVE"}, {1 << 20, "MS_SHARED"},
	})
}

func unmountFlags(v uint64) []string {
	return named(v, []bit{{1, "MNT_FORCE"}, {2, "MNT_DETACH"}, {4, "MNT_EXPIRE"}, {8, "UMOUNT_NOFOLLOW"}})
}

func memfdFlags(v uint64) []string {
	return named(v, []bit{{1, "MFD_CLOEXEC"}, {2, "MFD_ALLOW_SEALING"}, {4, "MFD_HUGETLB"}, {8, "MFD_NOEXEC_SEAL"}, {16, "MFD_EXEC"}})
}

func namespaceTypes(v uint64) []string {
	return named(v, []bit{
		{0x00020000, "mnt"}, {0x20000000, "pid"}, {0x40000000, "net"}, {0x10000000, "user"}, {0x04000000, "uts"}, {0x08000000, "ipc"},
		{0x02000000, "cgroup"}, {0x00000080, "time"},
	})
}

// capabilities are named as in capabilities(7), by their number.
func capabilities(v uint64) []string {
	all := [...]string{
		"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
		"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
		"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
		"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
		"PERFMON", "BPF", "CHECKPOINT_RESTORE",
	}
	var out []string
	for n := range 64 {
		if v&(1<<n) == 0 {
			continue
		}
		name := strconv.Itoa(n)
		if n < len(all) {
			name = all[n]
		}
		out = append(out, "CAP_"+name)
	}
	return out
}

func ptraceRequest(v uint64) string {
	switch v {
	case 0:
		return "PTRACE_TRACEME"
	case 3:
		return "PTRACE_PEEKUSER"
	case 4:
		return "PTRACE_POKETEXT"
	case 5:
		return "PTRACE_POKEDATA"
	case 6:
		return "PTRACE_POKEUSER"
	case 13:
		return "PTRACE_SETREGS"
	case 15:
		return "PTRACE_SETFPREGS"
	case 16:
		return "PTRACE_ATTACH"
	case 0x4205:
		return "PTRACE_SETREGSET"
	case 0x4206:
		return "PTRACE_SEIZE"
	}
	return "PTRACE_" + strconv.FormatUint(v, 10)
}

// bpfType names the types of programs (enum bpf_prog_type of linux/bpf.h).
func bpfType(v uint64) string {
	all := [...]string{
		"unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp", "perf_event", "cgroup_skb", "cgroup_sock",
		"lwt_in", "lwt_out", "lwt_xmit", "sock_ops", "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr",
		"lwt_seg6local", "lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt",
		"tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter",
	}
	if v < uint64(len(all)) {
		return all[v]
	}
	return strconv.FormatUint(v, 10)
}

func familyName(v uint16) string {
	switch v {
	case 1:
		return "AF_UNIX"
	case 2:
		return "AF_INET"
	case 10:
		return "AF_INET6"
	case 16:
		return "AF_NETLINK"
	case 17:
		return "AF_PACKET"
	case 38:
		return "AF_ALG"
	case 40:
		return "AF_VSOCK"
	}
	return "AF_" + itoa(int(v))
}

func socketType(v uint16) string {
	switch v {
	case kernel.SocketStream:
		return "SOCK_STREAM"
	case kernel.SocketDatagram:
		return "SOCK_DGRAM"
	case kernel.SocketRaw:
		return "SOCK_RAW"
	case 5:
		return "SOCK_SEQPACKET"
	case 0:
		return ""
	}
	return "SOCK_" + itoa(int(v))
}

// fileSystem names the magic numbers of statfs(2); "" for others.
func fileSystem(magic uint64) string {
	switch magic {
	case kernel.MagicOverlay:
		return "overlay"
	case kernel.MagicTmpfs:
		return "tmpfs"
	case kernel.MagicProc:
		return "proc"
	case kernel.MagicCgroup:
		return "cgroup"
	case kernel.MagicCgroup2:
		return "cgroup2"
	case 0xef53:
		return "ext4"
	case 0x58465342:
		return "xfs"
	case 0x9123683e:
		return "btrfs"
	case 0x2fc12fc1:
		return "zfs"
	case 0x73717368:
		return "squashfs"
	case 0xe0f5e1e2:
		return "erofs"
	case 0x65735546:
		return "fuse"
	case 0x6969:
		return "nfs"
	case 0x01021997:
		return "9p"
	case 0x62656572:
		return "sysfs"
	case 0x858458f6:
		return "ramfs"
	}
	return ""
}

// deviceNumber is what stat(2) shows for a device.
func deviceNumber(d kernel.Device) uint64 {
	major, minor := uint64(d.Major()), uint64(d.Minor())
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}

// kindName is what records call what the kernel's part counts.
func kindName(k kernel.Kind) string {
	names := map[kernel.Kind]event.RuntimeKind{
		kernel.KindExec: event.KindExec, kernel.KindFork: event.KindFork, kernel.KindExit: event.KindExit, kernel.KindCredentials: event.KindSetuid,
		kernel.KindNamespace: event.KindSetns, kernel.KindMount: event.KindMount, kernel.KindModule: event.KindModule, kernel.KindBPF: event.KindBPF,
		kernel.KindPtrace: event.KindPtrace, kernel.KindVMAccess: event.KindVMRead, kernel.KindUserfault: event.KindUserfaultfd,
		kernel.KindMemfd: event.KindMemfd, kernel.KindIOUring: event.KindIOURing, kernel.KindDup: event.KindDup, kernel.KindUnixConnect: event.KindConnect,
		kernel.KindHandle: event.KindHandle, kernel.KindRoot: event.KindChroot, kernel.KindMap: event.KindLibrary, kernel.KindOpen: event.KindOpen,
		kernel.KindRename: event.KindRename, kernel.KindUnlink: event.KindUnlink, kernel.KindLink: event.KindLink, kernel.KindSymlink: event.KindSymlink,
		kernel.KindChmod: event.KindChmod, kernel.KindProtect: event.KindProtect, kernel.KindTruncate: event.KindOpen,
		kernel.KindConnect: event.KindConnect, kernel.KindAccept: event.KindAccept, kernel.KindListen: event.KindListen, kernel.KindBind: event.KindBind,
		kernel.KindSocket: event.KindSocket, kernel.KindDNS: event.KindDNS, kernel.KindStratum: event.KindStratum,
	}
	if name, ok := names[k]; ok {
		return string(name)
	}
	return k.String()
}
