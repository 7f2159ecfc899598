package decode

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// sensorCall is a system call, or a hook of the kernel, that another sensor
// tells of, with its arguments by name.
type sensorCall struct {
	d      *Decoder
	r      *event.Runtime
	arg    func(name string) *jsonscan.Node
	socket *event.Socket // if it is about one
	path   string        // of the file it is about, if the arguments do not tell
}

// text is the first of some arguments that there is.
func (c *sensorCall) text(names ...string) string {
	for _, name := range names {
		if v := told(c.arg(name)); v != "" {
			return v
		}
	}
	return ""
}

func (c *sensorCall) number(names ...string) int64 {
	for _, name := range names {
		if v, ok := whole(c.arg(name)); ok {
			return v
		}
	}
	return 0
}

// flags are names with bars between.
func (c *sensorCall) flags(names ...string) []string {
	v := c.text(names...)
	if v == "" || v[0] >= '0' && v[0] <= '9' {
		return nil
	}
	return strings.FieldsFunc(v, func(r rune) bool { return r == '|' || r == ' ' || r == ',' })
}

// do gives the record the kind and the body of a call. It reports false where
// there is no kind for it.
func (c *sensorCall) do(name string) bool {
	r, m := c.r, &c.d.out.runtime
	kind := kindOfCall(name)
	switch kind {
	case "":
		return false
	case event.KindExec:
		r.Exec = m.execs.next()
		r.Exec.Path = c.text("pathname", "filename", "exe")
		if p := r.Process; p != nil {
			r.Exec.File.Path, r.Exec.OldUID, r.Exec.OldEUID = p.Executable, p.UID, p.EUID
		}
	case event.KindExit:
		r.Exit = m.exits.next()
		r.Exit.Code, r.Exit.Signal = int(c.number("exit_code", "status", "ret")), c.text("signal")
	case event.KindOpen, event.KindHandle:
		return c.open(kind)
	case event.KindRename, event.KindUnlink, event.KindLink, event.KindSymlink, event.KindChmod, event.KindChroot:
		c.file(kind)
	case event.KindLibrary:
		r.Library = m.libraries.next()
		r.Library.File.Path, r.Library.File.Inode = c.text("pathname", "path"), uint64(max(0, c.number("inode")))
	case event.KindConnect, event.KindAccept, event.KindListen, event.KindBind:
		if c.socket == nil {
			return false
		}
		r.Net = m.connections.next()
		r.Net.Socket = *c.socket
		r.Net.Socket.Accepted = kind == event.KindAccept
	case event.KindSocket:
		return c.rawSocket()
	case event.KindDup:
		return c.dup()
	case event.KindMount, event.KindUnmount:
		r.Mount = m.mounts.next()
		r.Mount.Source, r.Mount.Target = c.text("source", "dev_name", "dev"), c.text("target", "path", "dir", "name")
		r.Mount.FileSystem, r.Mount.Flags = c.text("filesystemtype", "type", "fstype"), c.flags("mountflags", "flags")
	case event.KindModule, event.KindBPF:
		return c.module(kind)
	case event.KindPtrace, event.KindVMRead, event.KindVMWrite:
		r.Target = m.targets.next()
		r.Target.Request, r.Target.Process.PID = c.text("request"), int(c.number("pid", "target_pid", "dst_pid"))
	case event.KindMemfd, event.KindProtect:
		r.Memory = m.memories.next()
		r.Memory.Name, r.Memory.Flags = c.text("name", "uname", "uname_ptr"), c.flags("flags", "prot")
	case event.KindSetuid:
		r.Creds = m.creds.next()
		if p := r.Process; p != nil {
			r.Creds.OldUID, r.Creds.OldEUID = p.UID, p.EUID
			for _, name := range []string{"uid", "ruid", "euid"} {
				if _, ok := whole(c.arg(name)); ok {
					p.UID, p.EUID = id[uint32](c.arg(name)), id[uint32](c.arg(name))
				}
			}
		}
	case event.KindSetns, event.KindUnshare:
		r.Namespace = m.namespaces.next()
		r.Namespace.Types = c.namespaces()
	}
	r.Kind = kind
	return true
}

// kindOfCall is the kind of record that a call makes; "" for one that has none.
func kindOfCall(name string) event.RuntimeKind {
	for _, prefix := range []string{"__x64_", "__arm64_", "__se_", "__ia32_", "__"} {
		name = strings.TrimPrefix(name, prefix)
	}
	switch strings.TrimPrefix(name, "sys_") {
	case "execve", "execveat", "sched_process_exec":
		return event.KindExec
	case "sched_process_exit", "procexit":
		return event.KindExit
	case "open", "openat", "openat2", "creat", "security_file_open", "security_file_permission", "security_path_truncate", "magic_write", "file_modification":
		return event.KindOpen
	case "open_by_handle_at":
		return event.KindHandle
	case "rename", "renameat", "renameat2", "security_inode_rename":
		return event.KindRename
	case "unlink", "unlinkat", "security_inode_unlink", "security_path_unlink":
		return event.KindUnlink
	case "link", "linkat":
		return event.KindLink
	case "symlink", "symlinkat", "security_inode_symlink":
		return event.KindSymlink
	case "chmod", "fchmod", "fchmodat", "fchmodat2", "chmod_common":
		return event.KindChmod
	case "chroot", "pivot_root":
		return event.KindChroot
	case "shared_object_loaded", "security_mmap_file":
		return event.KindLibrary
	case "connect", "security_socket_connect", "tcp_connect":
		return event.KindConnect
	case "accept", "accept4", "security_socket_accept", "inet_csk_accept":
		return event.KindAccept
	case "listen", "security_socket_listen", "inet_csk_listen_start":
		return event.KindListen
	case "bind", "security_socket_bind":
		return event.KindBind
	case "socket", "security_socket_create":
		return event.KindSocket
	case "dup", "dup2", "dup3":
		return event.KindDup
	case "mount", "security_sb_mount":
		return event.KindMount
	case "umount", "umount2", "security_sb_umount":
		return event.KindUnmount
	case "init_module", "finit_module", "do_init_module", "module_load":
		return event.KindModule
	case "bpf", "security_bpf_prog", "bpf_check":
		return event.KindBPF
	case "ptrace":
		return event.KindPtrace
	case "process_vm_readv":
		return event.KindVMRead
	case "process_vm_writev":
		return event.KindVMWrite
	case "memfd_create":
		return event.KindMemfd
	case "userfaultfd":
		return event.KindUserfaultfd
	case "io_uring_setup", "io_uring_create":
		return event.KindIOURing
	case "setuid", "setreuid", "setresuid":
		return event.KindSetuid
	case "setns":
		return event.KindSetns
	case "unshare":
		return event.KindUnshare
	}
	return ""
}

// open tells of a file that was opened for writing; reading has no kind.
func (c *sensorCall) open(kind event.RuntimeKind) bool {
	f := c.d.out.runtime.files.next()
	f.Path, f.Flags = c.text("pathname", "path", "name", "filename"), c.flags("flags")
	if f.Path == "" {
		f.Path = c.path
	}
	const mayWrite, write, readWrite, create, truncate = 2, 1, 2, 0o100, 0o1000
	switch n := c.number("flags"); {
	case c.number("mask")&mayWrite != 0:
		f.Flags = []string{"O_WRONLY"}
	case f.Flags == nil && n > 0:
		for bit, flag := range map[int64]string{write: "O_WRONLY", readWrite: "O_RDWR", create: "O_CREAT", truncate: "O_TRUNC"} {
			if n&bit != 0 {
				f.Flags = append(f.Flags, flag)
			}
		}
		slices.Sort(f.Flags)
	}
	writes := slices.ContainsFunc(f.Flags, func(s string) bool {
		return s == "O_WRONLY" || s == "O_RDWR" || s == "O_TRUNC" || s == "O_CREAT"
	})
	if f.Path == "" || !writes && kind == event.KindOpen {
		return false
	}
	f.Created = slices.Contains(f.Flags, "O_F_CREATED")
	c.r.File, c.r.Kind = f, kind
	return true
}

// file tells of a file that was changed by name.
func (c *sensorCall) file(kind event.RuntimeKind) {
	f := c.d.out.runtime.files.next()
	switch kind {
	case event.KindRename, event.KindLink:
		f.Path, f.NewPath = c.text("oldpath", "old_path"), c.text("newpath", "new_path")
	case event.KindSymlink:
		f.Path, f.NewPath = c.text("target"), c.text("linkpath")
	default:
		f.Path, f.Mode = c.text("pathname", "path", "name", "filename", "new_root"), uint32(c.number("mode"))&0o7777
	}
	if f.Path == "" {
		f.Path = c.path
	}
	c.r.File = f
}

// rawSocket tells of a socket that reads whole packets; others have no kind.
func (c *sensorCall) rawSocket() bool {
	family, typ := c.text("family", "domain"), c.text("type")
	if family != "AF_PACKET" && !strings.Contains(typ, "SOCK_RAW") && !strings.Contains(c.text("args"), "AF_PACKET") {
		return false
	}
	n := c.d.out.runtime.connections.next()
	n.Socket.Family, n.Socket.Type = family, typ
	if n.Socket.Family == "" {
		n.Socket.Family = "AF_PACKET"
	}
	c.r.Net, c.r.Kind = n, event.KindSocket
	return true
}

// dup tells of a socket that became a standard descriptor.
func (c *sensorCall) dup() bool {
	fd := c.number("newfd", "res", "rawres", "fd")
	if c.socket == nil || fd < 0 || fd > 2 {
		return false
	}
	m := &c.d.out.runtime
	v := m.dups.next()
	v.Old = int(c.number("oldfd", "old"))
	v.Stdio = event.Stdio{FD: int(fd), Kind: "socket", Socket: c.socket}
	start := len(m.stdio.all)
	*m.stdio.add() = v.Stdio
	v.All = m.stdio.since(start)
	c.r.Dup, c.r.Kind = v, event.KindDup
	return true
}

// module tells of code that was loaded into the kernel.
func (c *sensorCall) module(kind event.RuntimeKind) bool {
	if cmd := c.text("cmd"); cmd != "" && cmd != "BPF_PROG_LOAD" && cmd != "5" {
		return false
	}
	v := c.d.out.runtime.modules.next()
	v.Name, v.Path, v.Type = c.text("name"), c.text("pathname", "path"), c.text("type", "prog_type")
	if v.Path == "" {
		v.Path = c.path
	}
	c.r.Module, c.r.Kind = v, kind
	return true
}

// namespaces are those that the flags of a call name.
func (c *sensorCall) namespaces() (out []string) {
	flags := c.text("nstype", "flags")
	n := c.number("nstype", "flags")
	for _, ns := range []struct {
		flag string
		bit  int64
		name string
	}{
		{"CLONE_NEWNS", 0x20000, "mnt"}, {"CLONE_NEWCGROUP", 0x2000000, "cgroup"}, {"CLONE_NEWUTS", 0x4000000, "uts"}, {"CLONE_NEWIPC", 0x8000000, "ipc"},
		{"CLONE_NEWUSER", 0x10000000, "user"}, {"CLONE_NEWPID", 0x20000000, "pid"}, {"CLONE_NEWNET", 0x40000000, "net"},
	} {
		if strings.Contains(flags, ns.flag) || n&ns.bit != 0 {
			out = append(out, ns.name)
		}
	}
	return out
}
