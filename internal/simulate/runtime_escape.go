package simulate

import "github.com/vedette-project/vedette/internal/event"

// escapeScripts are ways out of a container, and into the kernel.
func escapeScripts() map[string]runtimeScript {
	return map[string]runtimeScript{
		"PrivilegeEscalation:Runtime/RuncContainerEscape": func(l *runtimeLog) {
			r := l.record(event.KindOpen, l.child(l.entered(), "/tmp/poc"))
			r.File = &event.FileChange{Path: "/usr/sbin/runc", Flags: []string{"O_WRONLY", "O_TRUNC"}, Host: true}
			l.write(r)
		},
		"PrivilegeEscalation:Runtime/CGroupsReleaseAgentModified": func(l *runtimeLog) {
			sh := l.entered()
			m := l.record(event.KindMount, l.child(sh, "/usr/bin/mount", "-t", "cgroup", "-o", "rdma", "cgroup", "/tmp/cgrp"))
			m.Mount = &event.Mount{Source: "cgroup", Target: "/tmp/cgrp", FileSystem: "cgroup"}
			l.write(m)
			r := l.record(event.KindOpen, sh)
			r.File = &event.FileChange{Path: "/tmp/cgrp/release_agent", Flags: []string{"O_WRONLY", "O_CREAT", "O_TRUNC"}}
			l.write(r)
		},
		"PrivilegeEscalation:Runtime/ContainerMountsHostDirectory": func(l *runtimeLog) {
			r := l.record(event.KindMount, l.child(l.entered(), "/usr/bin/mount", "/dev/nvme0n1p1", "/mnt"))
			r.Error = "EPERM"
			r.Mount = &event.Mount{Source: "/dev/nvme0n1p1", Target: "/mnt", FileSystem: "xfs"}
			l.write(r)
		},
		"PrivilegeEscalation:Runtime/DockerSocketAccessed": func(l *runtimeLog) {
			l.box.Mounts = append(l.box.Mounts, event.Bind{Source: "/var/run/docker.sock", Target: "/var/run/docker.sock", Name: "docker"})
			p := l.child(l.entered(), "/usr/bin/nc", "-U", "/var/run/docker.sock")
			l.exec(p)
			l.unixConnect(p, "/var/run/docker.sock", "")
		},
		"DefenseEvasion:Runtime/KernelModuleLoaded": func(l *runtimeLog) {
			r := l.record(event.KindModule, l.child(l.entered(), "/sbin/insmod", "/tmp/rk.ko"))
			r.Module = &event.Module{Name: "rk", Path: "/tmp/rk.ko", SHA256: sumOf("rk.ko")}
			l.write(r)
		},
	}
}

// The SHA-256s of the built-in test list: of EICAR's test file, and of one that
// stands for a customer's list.
const (
	malwareFile = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
	customFile  = "bcf6a6b6de0f36c63434b82d3df4565899175d6bd453befb9f681e51bc0332de"
)

// listedScripts meet the addresses, names and files of the built-in test list.
func listedScripts() map[string]runtimeScript {
	out := map[string]runtimeScript{
		"UnauthorizedAccess:Runtime/MetadataDNSRebind":   func(l *runtimeLog) { l.asks(l.main, "a8f1.rebind.example.org", "169.254.169.254") },
		"Execution:Runtime/MaliciousFileExecuted":        func(l *runtimeLog) { l.execFile(malwareFile) },
		"Execution:Runtime/MaliciousFileExecuted.Custom": func(l *runtimeLog) { l.execFile(customFile) },
	}
	for typ, address := range map[string]string{
		"Backdoor:Runtime/C&CActivity.B": "198.51.100.243:443", "CryptoCurrency:Runtime/BitcoinTool.B": "198.51.100.244:3333",
		"UnauthorizedAccess:Runtime/TorClient": "198.51.100.246:9001", "UnauthorizedAccess:Runtime/TorRelay": "198.51.100.247:9001",
		"Trojan:Runtime/BlackholeTraffic": "198.51.100.248:80", "Trojan:Runtime/DropPoint": "198.51.100.249:443",
	} {
		out[typ] = func(l *runtimeLog) { l.connect(l.curl(), address) }
	}
	for typ, name := range map[string]string{
		"Backdoor:Runtime/C&CActivity.B!DNS":                "guarddutyc2activityb.com",
		"CryptoCurrency:Runtime/BitcoinTool.B!DNS":          "us-east.equihash-hub.miningpoolhub.com",
		"Impact:Runtime/AbusedDomainRequest.Reputation":     "abused-rep.guarddutyc2activityb.com",
		"Impact:Runtime/BitcoinDomainRequest.Reputation":    "crypto-rep.guarddutyc2activityb.com",
		"Impact:Runtime/MaliciousDomainRequest.Reputation":  "malicious-rep.guarddutyc2activityb.com",
		"Impact:Runtime/SuspiciousDomainRequest.Reputation": "suspicious-rep.guarddutyc2activityb.com",
		"Trojan:Runtime/DropPoint!DNS":                      "guarddutydroppointactivity.com",
		"Trojan:Runtime/BlackholeTraffic!DNS":               "guarddutyblackholeactivity.com",
		"Trojan:Runtime/PhishingDomainRequest!DNS":          "guarddutyphishingactivity.com",
		"Trojan:Runtime/DriveBySourceTraffic!DNS":           "guarddutydrivebyactivity.com",
		"Trojan:Runtime/DGADomainRequest.C!DNS":             "guarddutydgaactivity.com",
	} {
		out[typ] = func(l *runtimeLog) { l.asks(l.curl(), name) }
	}
	return out
}

// curl is what somebody runs in the container from outside.
func (l *runtimeLog) curl() *simProcess {
	p := l.child(l.child(l.shim, "/bin/bash", "-c", "curl …"), "/usr/bin/curl", "-s", "-o", "/dev/null")
	l.exec(p)
	return p
}

func (l *runtimeLog) execFile(sum string) {
	p := l.child(l.main, "/opt/tools/sample")
	p.SHA256 = sum
	l.exec(p)
}
