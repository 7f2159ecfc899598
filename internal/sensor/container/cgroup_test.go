package container

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	idA = "6b2d0e6f5cf3e0c7d0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7"
	idB = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	uid = "0f8b7a52-9d7e-4c7f-9f0e-2b7c6a1d3e4f"
	bk  = "n3k1x8o5v0hq2m4c6w7y9z1a2"
)

// TestParse: the forms are those that the runtimes' sources make; the comments
// name the driver.
func TestParse(t *testing.T) {
	under := strings.ReplaceAll(uid, "-", "_")
	for path, want := range map[string][]Ref{
		// Kubernetes, containerd
		"/kubepods/burstable/pod" + uid + "/" + idA: {{ID: idA, PodUID: uid}},
		"/kubepods/pod" + uid + "/" + idA:           {{ID: idA, PodUID: uid}},
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + under + ".slice/cri-containerd-" + idA + ".scope": {{ID: idA, PodUID: uid, Runtime: Containerd}},
		"/kubepods-besteffort-pod" + under + ".slice:cri-containerd:" + idA:                                                     {{ID: idA, PodUID: uid, Runtime: Containerd}},
		// a root of its own for the pods, as kind and tests have
		"/vedette-e2e-17/kubepods/besteffort/pod" + uid + "/" + idA: {{ID: idA, PodUID: uid}},
		// a static pod
		"/kubepods/burstable/pod1de5c0d8a3e6e1e1f7d2c3b4a5968778/" + idA: {{ID: idA, PodUID: "1de5c0d8a3e6e1e1f7d2c3b4a5968778"}},
		// CRI-O
		"/kubepods.slice/kubepods-pod" + under + ".slice/crio-" + idA + ".scope":           {{ID: idA, PodUID: uid, Runtime: CRIO}},
		"/kubepods.slice/kubepods-pod" + under + ".slice/crio-" + idA + ".scope/container": {{ID: idA, PodUID: uid, Runtime: CRIO}},
		"/kubepods/burstable/pod" + uid + "/crio-" + idA:                                   {{ID: idA, PodUID: uid, Runtime: CRIO}},
		"/kubepods.slice/kubepods-pod" + under + ".slice/crio-conmon-" + idA + ".scope":    nil,
		// Docker and what uses it
		"/docker/" + idA:                                   {{ID: idA, Runtime: Docker}},
		"/system.slice/docker-" + idA + ".scope":           {{ID: idA, Runtime: Docker}},
		"/ecs/9781c248-0edd-4cdb-9a93-f63cb662a5d3/" + idA: {{ID: idA}},
		"/actions_job/" + idA:                              {{ID: idA}},
		// Podman
		"/machine.slice/libpod-" + idA + ".scope/container":                                 {{ID: idA, Runtime: Podman}},
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope": {{ID: idA, Runtime: Podman}},
		"/libpod_parent/libpod-" + idA:                                                      {{ID: idA, Runtime: Podman}},
		"/machine.slice/libpod-conmon-" + idA + ".scope":                                    nil,
		// containerd's own clients
		"/k8s.io/web-1":  {{ID: "web-1", Runtime: Containerd, Namespace: "k8s.io"}},
		"/default/redis": {{ID: "redis", Runtime: Containerd, Namespace: "default"}},
		// builds
		"/docker/buildkit/" + bk:                      {{ID: bk, Build: true}},
		"/system.slice/docker-" + bk + ".scope":       {{ID: bk, Runtime: Docker, Build: true}},
		"/buildkit/" + bk:                             {{ID: bk, Build: true}},
		"/machine.slice/buildah-buildah1234567.scope": {{ID: "buildah-buildah1234567", Runtime: Podman, Build: true}},
		// a builder in a pod: what the pod names below itself comes second
		"/kubepods/pod" + uid + "/" + idA + "/buildkit/" + bk: {{ID: idA, PodUID: uid}, {ID: bk, Build: true}},
		// a container in a container
		"/docker/" + idA + "/kubelet/kubepods/pod" + uid + "/" + idB: {{ID: idA, Runtime: Docker}, {ID: idB, PodUID: uid}},
		// a user's unit cannot pass for a build
		"/user.slice/user-1000.slice/user@1000.service/app.slice/buildah-x.scope": nil,
		"/user.slice/user-1000.slice/docker-" + bk + ".scope":                     nil,
		// no container
		"/":                               nil,
		"":                                nil,
		"/system.slice/sshd.service":      nil,
		"/user.slice/user-0.slice":        nil,
		"/kubepods/burstable/pod" + uid:   nil,
		"/init.scope":                     nil,
		"/docker/" + idA[:63]:             nil,
		"/docker/" + strings.ToUpper(idA): nil,
		strings.Repeat("/x", maxPath):     nil,
	} {
		if diff := cmp.Diff(want, Parse(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/kubepods/burstable/pod" + uid + "/" + idA)
	f.Add("/system.slice/docker-" + idA + ".scope")
	f.Add("/kubepods-pod" + uid + ".slice:cri-containerd:" + idA)
	f.Add("/k8s.io/../x")
	f.Fuzz(func(t *testing.T, path string) {
		for _, r := range Parse(path) {
			if r.ID == "" || strings.ContainsAny(r.ID, "/\x00") && r.Namespace == "" {
				t.Fatalf("%q gives %+v", path, r)
			}
			if r.ID == ".." || r.Namespace == ".." || strings.Contains(r.ID, "/") || strings.Contains(r.Namespace, "/") {
				t.Fatalf("%q leads out of a folder: %+v", path, r)
			}
		}
	})
}
