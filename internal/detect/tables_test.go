package detect

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// TestTactics: every row is whole, reachable in principle, and names a type
// that exists; and the calls that matter get the tactic they should.
func TestTactics(t *testing.T) {
	rows := 0
	for line := range strings.Lines(tacticsTSV) {
		if !strings.HasPrefix(line, "#") {
			rows++
		}
	}
	if got := len(tacticTable()); got != rows {
		t.Errorf("%d of %d rows are well formed", got, rows)
	}
	for _, r := range tacticTable() {
		if _, ok := finding.Lookup(r.tactic + ":Kubernetes/SuccessfulAnonymousAccess"); !ok {
			t.Errorf("there is no type for the tactic %q", r.tactic)
		}
	}
	for _, c := range []struct{ verb, group, resource, sub, want string }{
		{"list", "", "secrets", "", "CredentialAccess"},
		{"create", "", "serviceaccounts", "token", "CredentialAccess"},
		{"create", "", "serviceaccounts", "", "Impact"}, // as AWS's tester has it
		{"get", "", "pods", "log", "Discovery"},
		{"get", "", "pods", "exec", "Impact"},
		{"get", "", "", "", "Discovery"},
		{"create", "authorization.k8s.io", "selfsubjectaccessreviews", "", "Discovery"},
		{"delete", "", "events", "", "DefenseEvasion"},
		{"delete", "networking.k8s.io", "networkpolicies", "", "DefenseEvasion"},
		{"create", "rbac.authorization.k8s.io", "clusterrolebindings", "", "Persistence"},
		{"delete", "rbac.authorization.k8s.io", "clusterrolebindings", "", "Impact"},
		{"create", "apps", "daemonsets", "", "Persistence"},
		{"delete", "apps", "deployments", "", "Impact"},
		{"frobnicate", "x", "y", "", "Discovery"},
	} {
		if got := tacticOf(c.verb, c.group, c.resource, c.sub); got != c.want {
			t.Errorf("%s %s/%s: %s, want %s", c.verb, c.resource, c.sub, got, c.want)
		}
	}
}

func TestSensitivePaths(t *testing.T) {
	for p, want := range map[string]bool{
		"/": true, "/etc": true, "/etc/kubernetes/pki": true, "/etc/localtime": false, "/etc/ssl/certs": false, "/etc/cni/net.d": false,
		"/etcetera": false, "/var/run/docker.sock": true, "/run/containerd/containerd.sock": true, "/root/.ssh": true, "/var": true, "/var/log": false,
		"/var/lib/kubelet": true, "/var/lib/kubelet/plugins": false, "/data": false, "/lib/modules": false, "/proc/1/ns": true, "/sys": true, "/dev": true,
	} {
		if got := isSensitivePath(p); got != want {
			t.Errorf("%s: %v, want %v", p, got, want)
		}
	}
	for _, line := range sensitivePaths() {
		if p := strings.TrimPrefix(strings.TrimSuffix(line, "/**"), "!"); !path.IsAbs(p) || path.Clean(p) != p {
			t.Errorf("%q is not a clean absolute path", line)
		}
	}
}

func TestExpectedImages(t *testing.T) {
	container := func(image string, command ...string) *jsonscan.Node {
		n, _ := jsonscan.Parse([]byte(`{"image":"` + image + `","command":["` + strings.Join(command, `","`) + `"]}`))
		return n
	}
	for image, want := range map[string]bool{
		"registry.k8s.io/kube-proxy:v1.34.4": true, "registry.k8s.io/kube-proxy@sha256:abc": true, "quay.io/cilium/cilium:v1": true, "calico/node:v3": true,
		"602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1": true, "quay.io/prometheus/node-exporter:v1": true,
		"evil.example/kube-proxy": false, "docker.io/evil/cilium": false, "ubuntu": false, "cilium": false, "quay.io/ciliumx/agent": false,
		"localhost:5000/calico/node": false, "quay.io/cilium": false,
	} {
		if got := isExpected(container(image), "daemonsets"); got != want {
			t.Errorf("%s: %v, want %v", image, got, want)
		}
		if isExpected(container(image), "pods") || isExpected(container(image, "/bin/sh", "-c"), "daemonsets") {
			t.Errorf("%s is excused as a bare pod or with a shell", image)
		}
	}
	for _, p := range expectedImages() {
		if _, err := path.Match(strings.TrimSuffix(p, "/**"), "x"); err != nil || !strings.Contains(p, "/") {
			t.Errorf("%q is not a pattern", p)
		}
	}
}

// TestExpectedTables: every line of the tables of actors and commands is whole,
// and names no image that anybody could publish.
func TestExpectedTables(t *testing.T) {
	for _, f := range expectedActors() {
		if len(f) != 2 || !strings.Contains(f[1], "/") {
			t.Errorf("%q is not a user and an image", f)
		}
	}
	for _, f := range expectedCommands() {
		if len(f) != 3 || len(f[2]) != 24 {
			t.Errorf("%q is not a user, an image and a digest", f)
		}
	}
	for _, p := range expectedImages() {
		if strings.HasPrefix(p, "*.dkr.ecr") {
			t.Errorf("%q matches the registry of any account", p)
		}
	}
}

func TestRunsShell(t *testing.T) {
	for body, want := range map[string]bool{
		`{"command":["/usr/bin/env","sh","-c","id"]}`: true, `{"args":["bash"]}`: true, `{"command":["env","-S","sh -c id"]}`: true,
		`{"command":["python3.11"]}`: true, `{"command":["node","x.js"]}`: true, `{"command":["/bin/busybox","sh"]}`: true,
		`{"args":["node","--endpoint=/bin/sh"]}`: false, `{"command":["cilium-agent"],"args":["--debug"]}`: false, `{}`: false,
		`{"command":["/script.sh"]}`: false, `{"args":[""]}`: false,
	} {
		k, err := jsonscan.Parse([]byte(body))
		if err != nil || runsShell(k) != want {
			t.Errorf("%s: %v %v, want %v", body, runsShell(k), err, want)
		}
	}
}

func TestPrivateRanges(t *testing.T) {
	for r, want := range map[string]bool{
		"10.0.0.0/8": true, "10.0.0.0/7": false, "172.16.0.0/12": true, "172.16.0.0/11": false, "192.168.0.0/16": true, "192.168.0.0/8": false,
		"100.64.0.0/10": true, "100.64.0.0/9": false, "0.0.0.0/0": false, "0.0.0.0/32": false, "8.8.8.8/32": false, "127.0.0.0/8": true,
		"fd00::/8": true, "fc00::/7": true, "fc00::/6": false, "::/0": false, "2001:db8::/32": false, "169.254.0.0/16": true, "169.254.0.0/15": false,
	} {
		if got := isPrivateRange(netip.MustParsePrefix(r)); got != want {
			t.Errorf("%s: %v, want %v", r, got, want)
		}
	}
}

func TestDryRun(t *testing.T) {
	for uri, want := range map[string]bool{
		"/api/v1/pods?dryRun=All": true, "/api/v1/pods?fieldManager=x&dryRun=All&y=z": true, "/api/v1/pods?dry%52un=All": true,
		"/api/v1/pods": false, "/api/v1/pods?dryRun=": false, "/api/v1/pods?name=dryRun": false, "/dryRun": false,
	} {
		if got := (&event.Audit{Verb: "create", RequestURI: uri}).DryRun(); got != want {
			t.Errorf("%s: %v, want %v", uri, got, want)
		}
	}
}

func TestPodFamily(t *testing.T) {
	for pod, want := range map[string]string{
		"nginx": "nginx", "coredns-7d764666f9-4xk2p": "coredns", "kube-proxy-4xk2p": "kube-proxy", "etcd-node1": "etcd-node1",
		"my-agent": "my-agent", "web-0": "web-0", "a-zzzzz": "a",
	} {
		if got := podFamily(pod); got != want {
			t.Errorf("%s: %s, want %s", pod, got, want)
		}
	}
}

func TestRemoteIP(t *testing.T) {
	for _, c := range []struct {
		ips  []string
		want string
	}{
		{[]string{"203.0.113.7"}, "203.0.113.7"}, {[]string{"8.8.8.8", "198.51.100.9", "10.0.0.1"}, "198.51.100.9"},
		{[]string{"10.0.0.2", "10.0.0.1"}, "10.0.0.1"}, {[]string{"2001:db8::1"}, "2001:db8::1"}, {[]string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{[]string{"no address"}, ""}, {nil, ""}, {[]string{"100.64.1.1"}, "100.64.1.1"},
	} {
		got := ""
		if r := remoteIP(c.ips); r != nil {
			got = r.IPAddressV4 + r.IPAddressV6
			if private := r.Organization != nil; private != !slices.Contains([]string{"203.0.113.7", "198.51.100.9", "2001:db8::1"}, got) {
				t.Errorf("%v: marked as unknown %v", c.ips, private)
			}
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.ips, got, c.want)
		}
	}
}

// TestLayOut: a JSON patch becomes the partial object that it writes.
func TestLayOut(t *testing.T) {
	ops, err := jsonscan.Parse([]byte(`[{"op":"test","path":"/spec/type","value":"X"},{"op":"remove","path":"/a"},
		{"op":"add","path":"/spec/template/spec/containers/0/securityContext","value":{"privileged":true}},
		{"op":"add","path":"/spec/template/spec/containers/1/image","value":"x"},{"op":"replace","path":"/metadata/annotations/a~1b~0c","value":"v"},
		{"op":"add","path":"/subjects/-","value":{"kind":"User"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	n := layOut(ops)
	ks := n.Get("spec", "template", "spec", "containers").Items()
	if len(ks) != 2 || !ks[0].True("securityContext", "privileged") || ks[1].Text("image") != "x" {
		t.Errorf("containers %v", ks)
	}
	if n.Get("spec").Has("type") || n.Text("metadata", "annotations", "a/b~c") != "v" || n.Get("subjects").Items()[0].Text("kind") != "User" {
		t.Error("the rest is wrong")
	}
	whole, _ := jsonscan.Parse([]byte(`[{"op":"replace","path":"","value":{"spec":{"type":"LoadBalancer"}}}]`))
	if layOut(whole).Text("spec", "type") != "LoadBalancer" {
		t.Error("a patch of the whole object")
	}
}
