package container

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// maxConfig bounds the files of runtimes. The largest seen are some 100 kB,
// most of it the list of system calls.
const maxConfig = 4 << 20

// Container is a container and its pod, as the runtime's files tell of them.
type Container struct {
	event.Container
	Pod *event.Pod // nil outside Kubernetes
	// sandbox is the id of the pod's own container, which holds its namespaces.
	sandbox string
	// hostNetwork, hostPID and hostIPC say that the container has the node's.
	hostNetwork, hostPID, hostIPC bool
	// complete says that nothing is left to be found out from files.
	complete bool
	seen     *merged
}

// spec is what is used of an OCI runtime's config.json.
type spec struct {
	Process struct {
		Capabilities struct {
			Bounding []string `json:"bounding"`
		} `json:"capabilities"`
	} `json:"process"`
	Mounts []struct {
		Destination string   `json:"destination"`
		Type        string   `json:"type"`
		Source      string   `json:"source"`
		Options     []string `json:"options"`
	} `json:"mounts"`
	Annotations map[string]string `json:"annotations"`
	Linux       *struct {
		Namespaces []struct {
			Type string `json:"type"`
		} `json:"namespaces"`
		MaskedPaths []string `json:"maskedPaths"`
		Resources   struct {
			Devices []struct {
				Allow  bool   `json:"allow"`
				Type   string `json:"type"`
				Major  *int64 `json:"major"`
				Access string `json:"access"`
			} `json:"devices"`
		} `json:"resources"`
	} `json:"linux"`
}

// Annotations that runtimes write into config.json. containerd's are in
// pkg/cri/annotations (also 2.x: internal/cri/annotations), CRI-O's in
// pkg/annotations, and kubelet's labels, which CRI-O copies, in
// pkg/kubelet/types. Read on 2026-11-22; all Apache-2.0.
const (
	criContainer = "io.kubernetes.cri.container-name"
	criImage     = "io.kubernetes.cri.image-name"
	criPod       = "io.kubernetes.cri.sandbox-name"
	criNamespace = "io.kubernetes.cri.sandbox-namespace"
	criUID       = "io.kubernetes.cri.sandbox-uid"
	criSandbox   = "io.kubernetes.cri.sandbox-id"
	criType      = "io.kubernetes.cri.container-type"

	crioPod       = "io.kubernetes.cri-o.KubeName"
	crioNamespace = "io.kubernetes.cri-o.Namespace"
	crioImage     = "io.kubernetes.cri-o.ImageName"
	crioAsked     = "io.kubernetes.cri-o.Image"
	crioImageRef  = "io.kubernetes.cri-o.ImageRef"
	crioSandbox   = "io.kubernetes.cri-o.SandboxID"
	crioType      = "io.kubernetes.cri-o.ContainerType"
	crioMetadata  = "io.kubernetes.cri-o.Metadata"
	crioAddress   = "io.kubernetes.cri-o.IP.0"

	kubePod       = "io.kubernetes.pod.name"
	kubeNamespace = "io.kubernetes.pod.namespace"
	kubeUID       = "io.kubernetes.pod.uid"
	kubeContainer = "io.kubernetes.container.name"

	manager = "io.container.manager"
)

// sandboxName is what a pod's own container is called: kubelet's name for it.
const sandboxName = "POD"

// parseSpec reads a config.json. start is when the runtime wrote it, just
// before the first process.
func parseSpec(text []byte, ref Ref, start time.Time) (*Container, error) {
	var s spec
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("config.json of container %s: %w", ref.ID, err)
	}
	if s.Linux == nil {
		return nil, fmt.Errorf("config.json of container %s has no linux: it is no runtime's", ref.ID)
	}
	c := &Container{Container: event.Container{ID: ref.ID, Start: start, Build: ref.Build, Runtime: string(ref.Runtime)}}
	switch {
	case s.Annotations[criType] != "":
		c.fromContainerd(s.Annotations)
	case s.Annotations[crioType] != "":
		c.fromCRIO(s.Annotations)
	case s.Annotations[manager] == "libpod":
		c.Runtime = string(Podman)
	}
	if c.Pod != nil && c.Pod.UID == "" {
		c.Pod.UID = ref.PodUID
	}
	c.ImageID = digest(c.ImageID, c.Image)
	c.Privileged = s.privileged()
	c.hostNetwork, c.hostPID, c.hostIPC = !s.has("network"), !s.has("pid"), !s.has("ipc")
	podUID := ref.PodUID
	if c.Pod != nil {
		podUID = c.Pod.UID
	}
	for _, m := range s.Mounts {
		if m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
			c.addMount(event.Bind{Source: m.Source, Target: m.Destination, ReadOnly: slices.Contains(m.Options, "ro")}, podUID)
		}
	}
	return c, nil
}

func (c *Container) fromContainerd(a map[string]string) {
	c.Runtime = string(Containerd)
	c.Name, c.Image, c.sandbox = a[criContainer], a[criImage], a[criSandbox]
	if a[criType] == "sandbox" {
		c.Name = sandboxName
	}
	c.Pod = &event.Pod{Name: a[criPod], Namespace: a[criNamespace], UID: a[criUID]}
}

func (c *Container) fromCRIO(a map[string]string) {
	c.Runtime = string(CRIO)
	c.Name, c.Image, c.ImageID, c.sandbox = a[kubeContainer], first(a[crioAsked], a[crioImage]), a[crioImageRef], a[crioSandbox]
	if c.Name == "" {
		var meta struct{ Name string }
		if json.Unmarshal([]byte(a[crioMetadata]), &meta) == nil {
			c.Name = meta.Name
		}
	}
	if a[crioType] == "sandbox" {
		c.Name = sandboxName
	}
	c.Pod = &event.Pod{
		Name: first(a[kubePod], a[crioPod]), Namespace: first(a[kubeNamespace], a[crioNamespace]),
		UID: a[kubeUID], Address: a[crioAddress],
	}
}

// has reports whether the container has a namespace of a type that is not the node's.
func (s *spec) has(kind string) bool {
	for _, n := range s.Linux.Namespaces {
		if n.Type == kind {
			return true
		}
	}
	return false
}

// privileged: what runtimes do for such a container and for no other, taken
// together: every device, nothing of /proc hidden, and the capability that
// is the node's keys.
func (s *spec) privileged() bool {
	if len(s.Linux.MaskedPaths) > 0 || !slices.Contains(s.Process.Capabilities.Bounding, "CAP_SYS_ADMIN") {
		return false
	}
	for _, d := range s.Linux.Resources.Devices {
		if d.Allow && (d.Type == "" || d.Type == "a") && d.Major == nil && (d.Access == "" || d.Access == "rwm") {
			return true
		}
	}
	return false
}

// addMount keeps a mount that shows files of the node. What kubelet and the
// runtime made for this very container is none.
func (c *Container) addMount(b event.Bind, podUID string) {
	if ofRuntime(b.Source, c.ID, c.sandbox) {
		return
	}
	if _, rest, ok := strings.Cut(b.Source, "/pods/"+podUID+"/"); ok && podUID != "" {
		// A part of a volume may be one of the node's: its name is in the path.
		kind, rest, _ := strings.Cut(rest, "/")
		name, _, _ := strings.Cut(rest, "/")
		switch {
		case kind == "volume-subpaths":
			b.Name = name
		case kind == "volumes" && (name == "kubernetes.io~local-volume" || name == "kubernetes.io~host-path"):
			_, b.Name, _ = strings.Cut(rest, "/")
		default:
			return
		}
	}
	if !slices.Contains(c.Mounts, b) {
		c.Mounts = append(c.Mounts, b)
	}
}

// ofRuntime reports whether a path is one that the runtime keeps for the
// container: its names, its resolver, its shared memory, its named volumes.
func ofRuntime(path, id, sandbox string) bool {
	for _, own := range []string{id, sandbox} {
		if own == "" {
			continue
		}
		for _, folder := range []string{"/io.containerd.grpc.v1.cri/sandboxes/", "/docker/containers/", "/overlay-containers/", "/vfs-containers/"} {
			if strings.Contains(path, folder+own+"/") {
				return true
			}
		}
	}
	volume, data := strings.CutSuffix(path, "/_data")
	return data && (strings.Contains(volume, "/docker/volumes/") || strings.Contains(volume, "/containers/storage/volumes/"))
}

// digest is the id of an image, from where it is told or from its name.
func digest(id, image string) string {
	if id != "" {
		return id
	}
	if _, sum, ok := strings.Cut(image, "@"); ok {
		return sum
	}
	if strings.HasPrefix(image, "sha256:") {
		return image
	}
	return ""
}

func first(s ...string) string {
	for _, s := range s {
		if s != "" {
			return s
		}
	}
	return ""
}
