package container

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/lru"
)

const (
	maxContainers = 4096
	// retries bounds how often files are looked for in vain: a runtime writes
	// them before it makes the group, so that what is not there will not come;
	// but a disk may be slow, and a pod's log appears only then.
	retries  = 5
	retryGap = time.Second
)

// Store tells containers by their control groups. One goroutine owns it.
type Store struct {
	root      string
	stateDirs []string
	builders  []builder
	pods      *Pods // nil without an API server
	now       func() time.Time
	groups    *lru.Map[string, *group]
	// starting are containers that a runtime was seen to start, by id.
	starting *lru.Map[string, *Container]
}

// group is what a control group's path turned out to be.
type group struct {
	container *Container // nil: the node's own
	tries     int
	next      time.Time // when to look again
}

// NewStore returns an empty store. pods may be nil.
func NewStore(o Options, pods *Pods, now func() time.Time) *Store {
	if o.HostRoot == "" {
		o.HostRoot = "/"
	}
	return &Store{
		root: o.HostRoot, stateDirs: append(slices.Clone(o.StateDirs), stateDirs()...), builders: withImages(o.BuildImages),
		pods: pods, now: now, groups: lru.New[string, *group](maxContainers), starting: lru.New[string, *Container](maxContainers),
	}
}

// Find is the container of a control group; nil for the node's own groups.
func (s *Store) Find(path string) *Container {
	g, ok := s.groups.Get(path)
	if !ok {
		g = &group{}
		s.groups.Put(path, g)
	}
	done := g.tries > 0 && (g.container == nil || g.container.complete)
	if done || g.tries > retries || s.now().Before(g.next) {
		return g.container
	}
	g.tries++
	g.next = s.now().Add(retryGap)
	g.container = s.look(path)
	return g.container
}

// look takes the outermost container that this node's runtimes know. What a
// container names its own groups like is below that, and is not believed.
func (s *Store) look(path string) *Container {
	refs := Parse(path)
	for _, ref := range refs {
		if c, err := s.find(ref); err == nil {
			return c
		}
	}
	for _, ref := range refs {
		if ref.Namespace != "" {
			return nil // some group with two names; no runtime knows it
		}
		if c, err := s.fromLogs(ref); err == nil {
			return c
		}
	}
	if len(refs) == 0 {
		return nil
	}
	c := &Container{Container: event.Container{ID: refs[0].ID, Runtime: string(refs[0].Runtime), Build: refs[0].Build}}
	if refs[0].PodUID != "" {
		c.Pod = &event.Pod{UID: refs[0].PodUID}
	}
	return c
}

// Starting reads a container's files when a runtime is about to start it, from
// where the arguments of the runtime say they are. So it does not matter how
// soon the container ends. Only of processes of the node may this be called; a
// container could say anything.
func (s *Store) Starting(args []string) {
	dir, id, ok := bundleOf(args)
	if !ok {
		return
	}
	ref := Ref{ID: id}
	switch filepath.Base(filepath.Dir(dir)) { // containerd's namespace
	case "moby":
		ref.Runtime = Docker
	case "k8s.io":
		ref.Runtime = Containerd
	case "buildkit":
		ref.Build = true
	}
	if c, err := s.fromBundle(dir, ref); err == nil {
		s.starting.Put(id, c)
	}
}

// bundleOf reads "runc … create --bundle DIR … ID".
func bundleOf(args []string) (dir, id string, ok bool) {
	if len(args) < 4 {
		return "", "", false
	}
	switch filepath.Base(args[0]) {
	case "runc", "crun", "youki", "runsc", "buildkit-runc", "docker-runc":
	default:
		return "", "", false
	}
	if !slices.Contains(args, "create") && !slices.Contains(args, "run") {
		return "", "", false
	}
	for i, a := range args[:len(args)-1] {
		switch {
		case a == "--bundle" || a == "-b":
			dir = args[i+1]
		case strings.HasPrefix(a, "--bundle="):
			dir = strings.TrimPrefix(a, "--bundle=")
		}
	}
	id = args[len(args)-1]
	ok = filepath.IsAbs(dir) && id != "" && !strings.Contains(id, "/") && id != dir
	return filepath.Clean(dir), id, ok
}

// merged is a container with what the API server adds, made once for each
// state of its pod.
type merged struct {
	from      *PodInfo
	container event.Container
	building  event.Container
	pod       *event.Pod
}

// Describe is what records say of a container: building tells that the process
// in question is part of an image's build.
func (s *Store) Describe(c *Container, building bool) (*event.Container, *event.Pod) {
	var info *PodInfo
	if c.Pod != nil && s.pods != nil {
		info = s.pods.Get(c.Pod.UID)
	}
	if c.seen == nil || c.seen.from != info {
		c.seen = c.merge(info)
	}
	if building {
		return &c.seen.building, c.seen.pod
	}
	return &c.seen.container, c.seen.pod
}

func (c *Container) merge(info *PodInfo) *merged {
	m := &merged{from: info, container: c.Container, pod: c.Pod}
	if info != nil {
		m.container.Mounts = slices.Clone(c.Mounts)
		pod := info.Pod
		// The node's files are from the start of the pod; the API's server may
		// know more, but never of another pod.
		pod.UID = c.Pod.UID
		pod.Address = first(pod.Address, c.Pod.Address)
		pod.HostNetwork = pod.HostNetwork || c.Pod.HostNetwork
		pod.HostPID = pod.HostPID || c.Pod.HostPID
		pod.HostIPC = pod.HostIPC || c.Pod.HostIPC
		m.pod = &pod
		if st, ok := info.Containers[c.ID]; ok {
			m.container.Name = first(c.Name, st.Name)
			m.container.Image = first(c.Image, st.Image)
			m.container.ImageID = first(st.ImageID, c.ImageID)
		}
		for i, b := range m.container.Mounts {
			if b.Name == "" {
				m.container.Mounts[i].Name = info.HostPaths[b.Source]
			}
		}
	}
	m.building = m.container
	m.building.Build = true
	return m
}
