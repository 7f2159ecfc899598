package acts

import (
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// ordinary is what workloads do every day: none of it is a finding.
func ordinary(t testing.TB) []act {
	data := t.TempDir()
	return []act{
		{name: "web-server", in: first("act", "web", "0.0.0.0:8080"), late: true, steps: [][]string{
			{"wget", "-q", "-O", "-", "http://127.0.0.1:8080/"},              // its health check
			do("get", "127.0.0.1:8080/run?convert --version; date; ls /tmp"), // it runs programs for its requests
		}},
		{name: "entrypoint", in: first("sh", "-c", "set -e; mkdir -p /run/app; echo port=80 > /run/app/conf; cp /usr/bin/sync /usr/local-tool; /usr/local-tool; exec sleep 1000"), steps: [][]string{sh("test -e /run/app/conf")}},
		{name: "cron-loop", in: first("sh", "-c", "while :; do date > /tmp/stamp; find /tmp -mtime +7 -delete; sleep 1; done"), late: true, steps: [][]string{sh("cat /tmp/stamp")}},
		{name: "database", in: testbed.ContainerOptions{Args: []string{"act", "listen", "0.0.0.0:5432", "row"}, Binds: []string{data + ":/var/lib/data"}}, late: true, steps: [][]string{
			sh("echo select 1 | nc -w 1 127.0.0.1 5432"), sh("echo row > /var/lib/data/1; mv /var/lib/data/1 /var/lib/data/2; sync"),
		}},
		{name: "operator", late: true, steps: [][]string{sh("ls /; cat /etc/os-release; ps; tail -n 5 /var/log/app.log"), {"sh", "-c", "exit"}, {"id"}, {"env"}, {"bash", "-c", "echo hello"}}},
		{name: "installs-at-its-start", in: first("sh", "-c", "/usr/bin/dpkg --unpack /usr/bin/openssl /usr/bin/fresh; /usr/bin/fresh; exec sleep 1000"), steps: [][]string{sh("true")}},
		{name: "init-script", in: first("sh", "-c", "echo 'app:x:1001:1001::/:/bin/sh' >> /etc/passwd; mkdir -p /etc/cron.d; echo '0 3 * * * app /usr/bin/sync' > /etc/cron.d/app; exec sleep 1000"), steps: [][]string{sh("true")}},
		{name: "image-programs", late: true, steps: [][]string{{"openssl"}, {"sync"}, {"act", "io_uring"}, sh("openssl version; sync")}},
		{name: "privileged-agent", in: testbed.ContainerOptions{Privileged: true, Binds: []string{"/etc:/host/etc:ro"}}, late: true, steps: [][]string{
			sh("mount -t tmpfs none /mnt 2>/dev/null || mkdir -p /mnt && mount -t tmpfs none /mnt; umount /mnt; cat /host/etc/hostname"), do("init_module"), do("handle", "/etc/passwd"),
		}},
		{name: "asks-and-calls", in: first("act", "resolver"), late: true, steps: [][]string{
			do("ask", "www.example.com", "db.acts.svc.cluster.local", "registry.example"), do("connect", "127.0.0.1:1"), {"nslookup", "-type=a", "example.org", "127.0.0.1"},
		}},
		{name: "drops-rights", in: testbed.ContainerOptions{NewPrivileges: true, Args: []string{"act", "as", "1000", "sleep", "1000"}}, steps: [][]string{{"su", "shop", "-c", "id"}}},
		{name: "parent-and-child", steps: [][]string{sh("sleep 0.1 & kill %1; wait; echo $(echo a | tr a b | tee /tmp/x)"), sh("mkfifo /tmp/p; (echo hi > /tmp/p &) ; cat /tmp/p")}},
		{name: "echo-service", in: first("nc", "-ll", "-p", "7000", "-e", "cat"), late: true, steps: [][]string{sh("echo ping | nc -w 1 127.0.0.1 7000")}},
		{name: "site", late: true, steps: [][]string{sh("mkdir -p /var/www/html/inc /usr/lib/python3/site-packages; for i in 1 2 3 4 5 6 7 8 9; do echo x > /var/www/html/inc/$i.php; done; echo . > /usr/lib/python3/site-packages/easy.pth")}},
		{name: "plain", plain: true, late: true, steps: [][]string{sh("echo health | grep -q health")}},
	}
}
