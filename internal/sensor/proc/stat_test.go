package proc

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const statLine = "4242 (a) (b\n c) S 17 4242 4242 34816 4242 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0 18446744073709551615 1 1\n"

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte(statLine))
	if want := (stat{name: "a) (b\n c", parent: 17, tty: true, start: 987654}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "1 sh S 1", "1 )(", "1 (sh) S 1", strings.Replace(statLine, "S 17", "S x", 1)} {
		if s, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v", bad, s)
		}
	}
}

func TestParseStatus(t *testing.T) {
	text := "Name:\tsh\nUmask:\t0022\nTgid:\t812\nUid:\t1000\t0\t0\t0\nGid:\t100\t50\t50\t50\nNSpid:\t812\t1\n"
	got, err := parseStatus([]byte(text))
	if want := (status{uid: 1000, euid: 0, gid: 100, egid: 50, nspid: 1, tgid: 812}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "Tgid:\nUid:\t1\t1\n", strings.Replace(text, "1000", "-1", 1), strings.Replace(text, "NSpid", "x", 1)} {
		if s, err := parseStatus([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v", bad, s)
		}
	}
}

func TestCgroupPath(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/a.service\n":                            "/system.slice/a.service",
		"9:name=systemd:/s\n8:pids:/p\n4:memory:/docker/x\n0::/u": "/docker/x",
		"8:pids:/\n4:memory:/kube/x\n0::/\n":                      "/kube/x",
		"8:pids:/\n0::/\n":                                        "/",
		"0::/with:colons\n":                                       "/with:colons",
		"junk":                                                    "/",
	} {
		if got := CgroupPath([]byte(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestListening(t *testing.T) {
	text := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0
`
	want := map[uint16]string{8080: "41", 22: "43"}
	if got := maps.Collect(listening([]byte(text))); !maps.Equal(got, want) {
		t.Errorf("listening: %v", got)
	}
}

func TestParsePasswd(t *testing.T) {
	text := "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# c:x:5:5:\nbad\nneg:x:-1:1:\nwww-data:x:33:33:www:/var/www:/bin/false\r\n:x:7:7:\n" + strings.Repeat("n", 65) + ":x:9:9:\nlast:x:4294967295:1:x"
	want := map[uint32]string{0: "root", 33: "www-data", 4294967295: "last"}
	if diff := cmp.Diff(want, parsePasswd([]byte(text))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if n := len(parsePasswd([]byte(strings.Repeat("a:x:1:1:\n", 5)))); n != 1 {
		t.Errorf("%d names", n)
	}
}

func TestLoaderVariables(t *testing.T) {
	preload, path := loaderVariables([]byte("A=LD_PRELOAD=no\x00LD_PRELOAD=/tmp/x.so\x00LD_LIBRARY_PATH=/l\x00LD_PRELOAD=second\x00"))
	if preload != "/tmp/x.so" || path != "/l" {
		t.Errorf("%q, %q", preload, path)
	}
}

func FuzzProc(f *testing.F) {
	f.Add([]byte(statLine))
	f.Add([]byte("Tgid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t1\n"))
	f.Add([]byte("8:pids:/docker/x\n0::/\n"))
	f.Add([]byte("::"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStat(b); err != nil && s != (stat{}) {
			t.Fatalf("%+v and %v", s, err)
		}
		if s, err := parseStatus(b); err != nil && s != (status{}) {
			t.Fatalf("%+v and %v", s, err)
		}
		if p := CgroupPath(b); p == "" || strings.Contains(p, "\n") {
			t.Fatalf("cgroup %q", p)
		}
		loaderVariables(b)
		for _, inode := range listening(b) {
			if inode == "" {
				t.Fatal("an empty inode")
			}
		}
	})
}

func FuzzPasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names := parsePasswd(b)
		for name := range maps.Values(names) {
			if name == "" || len(name) > maxName || strings.ContainsAny(name, ":\n") {
				t.Fatalf("name %q", name)
			}
		}
		if len(names) > maxUsers {
			t.Fatalf("%d users", len(names))
		}
	})
}
