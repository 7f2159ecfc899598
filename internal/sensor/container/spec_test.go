package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

const (
	webID      = "2d77629e5dde65cab2cd68e49d66779483d830618510be0a541e57d6392862c2"
	webBox     = "4890356da1fb5dc80267199a9b2edda01539eeb9e54db983c581461037263e43"
	agentID    = "eeb810b7642c5874dcadab8796580d35b1227a032f6c16de991e3116b17dd4b1"
	agentBox   = "b32b596db1b5683598a538ce955286cca812021b44005512a8ce3d8f1c01b3a7"
	webUID     = "01211594f02d6cda7cb6d773f5fb2181"
	agentUID   = "77865e46e6bfee3dc6d63afe31c4eb55"
	containerd = "/run/containerd/io.containerd.runtime.v2.task/"
)

// node is the root folder of a node with files in it.
type node struct {
	t    testing.TB
	root string
}

func newNode(t testing.TB) node { return node{t, t.TempDir()} }

func (n node) write(path, text string) {
	n.t.Helper()
	path = filepath.Join(n.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func (n node) copy(path, from string) {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", from))
	if err != nil {
		n.t.Fatal(err)
	}
	n.write(path, string(b))
}

func (n node) store(pods *Pods) *Store {
	return NewStore(Options{HostRoot: n.root}, pods, time.Now)
}

// find is what a node's files say of a container, without the times of files.
func (n node) find(path string) (*event.Container, *event.Pod) {
	s := n.store(nil)
	c := s.Find(path)
	if c == nil {
		return nil, nil
	}
	container, pod := s.Describe(c, false)
	out := *container
	out.Start = time.Time{}
	return &out, pod
}

func TestKubernetesOnContainerd(t *testing.T) {
	n := newNode(t)
	n.copy(containerd+"k8s.io/"+webID+"/config.json", "containerd-web.json")
	n.copy(containerd+"k8s.io/"+webBox+"/config.json", "containerd-web-sandbox.json")
	n.copy(containerd+"k8s.io/"+agentID+"/config.json", "containerd-agent.json")
	n.copy(containerd+"k8s.io/"+agentBox+"/config.json", "containerd-agent-sandbox.json")
	type both struct {
		Container *event.Container
		Pod       *event.Pod
	}
	for path, want := range map[string]both{
		"/kubepods/besteffort/pod" + webUID + "/" + webID: {
			&event.Container{ID: webID, Name: "app", Image: "e2e.local/busybox:1", Runtime: "containerd", Mounts: []event.Bind{
				{Source: "/etc", Target: "/host-etc", ReadOnly: true},
				{Source: "/var/lib/kubelet/pods/" + webUID + "/volume-subpaths/hosts-var/app/2", Target: "/logs", Name: "hosts-var"},
			}},
			&event.Pod{Name: "web-node1", Namespace: "shop", UID: webUID},
		},
		"/kubepods/besteffort/pod" + webUID + "/" + webBox: {
			&event.Container{ID: webBox, Name: "POD", Runtime: "containerd"},
			&event.Pod{Name: "web-node1", Namespace: "shop", UID: webUID},
		},
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + agentUID + ".slice/cri-containerd-" + agentID + ".scope": {
			&event.Container{ID: agentID, Name: "agent", Image: "e2e.local/busybox:1", Runtime: "containerd", Privileged: true, Mounts: []event.Bind{
				{Source: "/", Target: "/host"},
			}},
			&event.Pod{Name: "agent-node1", Namespace: "kube-system", UID: agentUID, HostNetwork: true, HostPID: true},
		},
	} {
		c, p := n.find(path)
		if diff := cmp.Diff(want, both{c, p}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// A container is started when its config.json is written.
func TestStartIsTheFilesTime(t *testing.T) {
	n := newNode(t)
	n.copy(containerd+"k8s.io/"+webID+"/config.json", "containerd-web.json")
	at := time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)
	if err := os.Chtimes(filepath.Join(n.root, containerd, "k8s.io", webID, "config.json"), at, at); err != nil {
		t.Fatal(err)
	}
	if c := n.store(nil).Find("/kubepods/pod" + webUID + "/" + webID); !c.Start.Equal(at) {
		t.Errorf("started %v, want %v", c.Start, at)
	}
}

// crioConfig has the annotations that CRI-O writes.
const crioConfig = `{"ociVersion":"1.0.2","process":{"capabilities":{"bounding":["CAP_CHOWN"]}},
"mounts":[{"destination":"/etc/hosts","type":"bind","source":"/var/lib/kubelet/pods/` + uid + `/etc-hosts","options":["rw","rbind"]},
{"destination":"/run/docker.sock","type":"bind","source":"/run/docker.sock","options":["rw","rbind"]},
{"destination":"/etc/resolv.conf","type":"bind","source":"/run/containers/storage/overlay-containers/` + idB + `/userdata/resolv.conf","options":["ro","bind"]}],
"annotations":{"io.container.manager":"cri-o","io.kubernetes.container.name":"app","io.kubernetes.pod.name":"shop-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"` + uid + `",
"io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.SandboxID":"` + idB + `","io.kubernetes.cri-o.Image":"quay.io/shop/app:2","io.kubernetes.cri-o.ImageRef":"sha256:11","io.kubernetes.cri-o.Metadata":"{\"name\":\"app\"}"},
"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/var/run/netns/x"},{"type":"ipc","path":"/y"},{"type":"mount"}],"maskedPaths":["/proc/kcore"]}}`

const crioSandboxConfig = `{"annotations":{"io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.cri-o.SandboxID":"` + idB + `","io.kubernetes.cri-o.KubeName":"shop-1","io.kubernetes.cri-o.Namespace":"shop","io.kubernetes.cri-o.IP.0":"10.88.0.9"},
"linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"ipc"}]}}`

func TestCRIO(t *testing.T) {
	n := newNode(t)
	n.write("/run/containers/storage/overlay-containers/"+idA+"/userdata/config.json", crioConfig)
	n.write("/run/containers/storage/overlay-containers/"+idB+"/userdata/config.json", crioSandboxConfig)
	c, p := n.find("/kubepods.slice/kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/crio-" + idA + ".scope/container")
	if diff := cmp.Diff(&event.Container{
		ID: idA, Name: "app", Image: "quay.io/shop/app:2", ImageID: "sha256:11", Runtime: "cri-o",
		Mounts: []event.Bind{{Source: "/run/docker.sock", Target: "/run/docker.sock"}},
	}, c); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&event.Pod{Name: "shop-1", Namespace: "shop", UID: uid, Address: "10.88.0.9", HostNetwork: true}, p); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
}

func TestPodman(t *testing.T) {
	n := newNode(t)
	n.write("/var/lib/containers/storage/overlay-containers/"+idA+"/userdata/config.json",
		`{"annotations":{"io.container.manager":"libpod"},"mounts":[{"destination":"/data","type":"bind","source":"/var/lib/containers/storage/volumes/v/_data"}],"linux":{"namespaces":[{"type":"pid"}]}}`)
	n.write("/var/lib/containers/storage/overlay-containers/containers.json",
		`[{"id":"`+idB+`","names":["other"]},{"id":"`+idA+`","names":["happy_euler"],"image":"deadbeef","metadata":"{\"image-name\":\"docker.io/library/alpine:3\",\"name\":\"happy_euler\"}"}]`)
	c, p := n.find("/machine.slice/libpod-" + idA + ".scope/container")
	if diff := cmp.Diff(&event.Container{ID: idA, Name: "happy_euler", Image: "docker.io/library/alpine:3", ImageID: "deadbeef", Runtime: "podman"}, c); diff != "" || p != nil {
		t.Errorf("pod %v, container (-want +got):\n%s", p, diff)
	}
}

func TestDocker(t *testing.T) {
	n := newNode(t)
	n.write("/var/lib/docker/containers/"+idA+"/config.v2.json",
		`{"Name":"/web","Image":"sha256:22","Config":{"Image":"nginx:1","Labels":{}},"State":{"StartedAt":"2096-01-02T03:04:05.6Z"},
"MountPoints":{"/b":{"Source":"/","Destination":"/b","RW":false},"/a":{"Source":"/etc","Destination":"/a","RW":true},"/v":{"Source":"/var/lib/docker/volumes/v/_data","Destination":"/v","Name":"v","RW":true}}}`)
	n.write("/var/lib/docker/containers/"+idA+"/hostconfig.json", `{"Privileged":true,"NetworkMode":"host","PidMode":"","IpcMode":"private"}`)
	for _, path := range []string{"/docker/" + idA, "/system.slice/docker-" + idA + ".scope"} {
		c, p := n.find(path)
		if diff := cmp.Diff(&event.Container{
			ID: idA, Name: "web", Image: "nginx:1", ImageID: "sha256:22", Runtime: "docker", Privileged: true,
			Mounts: []event.Bind{{Source: "/etc", Target: "/a"}, {Source: "/", Target: "/b", ReadOnly: true}},
		}, c); diff != "" || p != nil {
			t.Errorf("%s: pod %v, container (-want +got):\n%s", path, p, diff)
		}
	}
}

// Without the runtime's files the log's name still tells the pod.
func TestLogName(t *testing.T) {
	n := newNode(t)
	n.write("/var/log/containers/web-5c9_shop_app-"+idA+".log", "")
	c, p := n.find("/kubepods/pod" + uid + "/" + idA)
	if c.Name != "app" || p.Name != "web-5c9" || p.Namespace != "shop" || p.UID != uid {
		t.Errorf("container %+v, pod %+v", c, p)
	}
}

// TestOutermostIsBelieved: a container cannot pass for another by the names of
// the groups that it makes below its own.
func TestOutermostIsBelieved(t *testing.T) {
	n := newNode(t)
	n.copy(containerd+"k8s.io/"+webID+"/config.json", "containerd-web.json")
	n.copy(containerd+"k8s.io/"+agentID+"/config.json", "containerd-agent.json")
	if c, _ := n.find("/kubepods/pod" + webUID + "/" + webID + "/kubepods/pod" + agentUID + "/" + agentID); c.ID != webID {
		t.Errorf("container %s, want the outer one", c.ID)
	}
	// In a cluster whose nodes are containers, the outer one is none of this node's.
	if c, _ := n.find("/docker/" + idB + "/kubelet/kubepods/pod" + agentUID + "/" + agentID); c.ID != agentID {
		t.Errorf("container %s, want the one whose files are here", c.ID)
	}
	// A group of two names is a container only if the files say so.
	if c, _ := n.find("/some/group"); c != nil {
		t.Errorf("container %+v", c)
	}
}

func TestStartingTellsTheBundle(t *testing.T) {
	n := newNode(t)
	n.copy("/elsewhere/k8s.io/"+webID+"/config.json", "containerd-web.json")
	s := n.store(nil)
	s.Starting([]string{"/usr/sbin/runc", "--root", "/x", "create", "--bundle", "/elsewhere/k8s.io/" + webID, "--pid-file", "/p", webID})
	if c := s.Find("/kubepods/pod" + webUID + "/" + webID); c == nil || c.Pod == nil || c.Pod.Name != "web-node1" {
		t.Errorf("container %+v", c)
	}
	for _, args := range [][]string{
		nil, {"runc"}, {"runc", "create", "--bundle"}, {"runc", "create", "--bundle", "relative", "x"},
		{"runc", "delete", "--bundle", "/x", "y"}, {"sh", "create", "--bundle", "/x", "y"}, {"runc", "create", "--bundle", "/x", "a/b"},
	} {
		if dir, id, ok := bundleOf(args); ok {
			t.Errorf("%q gives %s, %s", args, dir, id)
		}
	}
}

func TestBuilds(t *testing.T) {
	n := newNode(t)
	n.copy(containerd+"buildkit/"+webID+"/config.json", "containerd-web.json")
	if c, _ := n.find("/buildkit/" + bk); c == nil || !c.Build {
		t.Errorf("a step of BuildKit is no build: %+v", c)
	}
	if c, _ := n.find("/x/y/" + webID); c == nil || !c.Build {
		t.Errorf("a container in the namespace buildkit is no build: %+v", c)
	}
	// What a container names below itself makes it no build.
	n.copy(containerd+"k8s.io/"+agentID+"/config.json", "containerd-agent.json")
	if c, _ := n.find("/kubepods/pod" + agentUID + "/" + agentID + "/buildkit/" + bk); c == nil || c.Build {
		t.Errorf("%+v passes for a build", c)
	}
	s := NewStore(Options{BuildImages: []string{"registry.example/tools/kaniko"}}, nil, time.Now)
	for image, want := range map[string]bool{
		"gcr.io/kaniko-project/executor:v1.23.2-debug":     true,
		"gcr.io/kaniko-project/executor@sha256:aa":         true,
		"registry.example/tools/kaniko:1":                  true,
		"registry.example:5000/tools/kaniko":               false,
		"evil.example/kaniko-project/executor:v1":          false,
		"docker.io/library/gcr.io/kaniko-project/executor": false,
	} {
		if got := s.Builder(&Container{Container: event.Container{Image: image}}, "/kaniko/executor"); got != want {
			t.Errorf("%s: %v, want %v", image, got, want)
		}
	}
	if s.Builder(&Container{Container: event.Container{Image: "gcr.io/kaniko-project/executor"}}, "/busybox/sh") {
		t.Error("a shell in a builder's image passes for the builder")
	}
}

func TestMissingFilesAreLookedForAgain(t *testing.T) {
	n := newNode(t)
	now := time.Unix(1000, 0)
	s := NewStore(Options{HostRoot: n.root}, nil, func() time.Time { return now })
	path := "/kubepods/pod" + webUID + "/" + webID
	if c := s.Find(path); c == nil || c.Name != "" || c.Pod.UID != webUID {
		t.Fatalf("container %+v", c)
	}
	n.copy(containerd+"k8s.io/"+webID+"/config.json", "containerd-web.json")
	if c := s.Find(path); c.Name != "" {
		t.Error("looked again at once")
	}
	now = now.Add(2 * retryGap)
	if c := s.Find(path); c.Name != "app" {
		t.Errorf("container %+v after the files came", c)
	}
}

func FuzzSpec(f *testing.F) {
	for _, name := range []string{"containerd-web.json", "containerd-agent-sandbox.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(crioConfig))
	f.Add([]byte(`{"linux":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseSpec(b, Ref{ID: idA}, time.Time{})
		if (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		if c != nil && c.ID != idA {
			t.Fatalf("the container became %q", c.ID)
		}
	})
}

func FuzzDocker(f *testing.F) {
	f.Add([]byte(`{"Name":"/web","Config":{"Image":"x","Labels":{"io.kubernetes.pod.name":"p"}},"MountPoints":{"/a":{"Source":"/"}}}`), []byte(`{"PidMode":"host"}`))
	f.Fuzz(func(t *testing.T, config, host []byte) {
		if c, err := parseDocker(config, host, Ref{ID: idA}, time.Time{}); (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		c := Container{Container: event.Container{ID: idA}}
		_ = c.addStorage(config)
	})
}

func FuzzLogName(f *testing.F) {
	f.Add("web_shop_app-" + idA + ".log")
	f.Fuzz(func(t *testing.T, name string) {
		if c, ok := parseLogName(name, Ref{ID: idA}); ok && (c.Pod.Name == "" || c.Pod.Namespace == "" || c.Name == "") {
			t.Fatalf("%q gives %+v", name, c)
		}
	})
}
