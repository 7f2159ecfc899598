package container

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Options say where the files of the runtimes are.
type Options struct {
	// HostRoot is where the node's root folder is mounted: "/" or "/host".
	HostRoot string
	// StateDirs are more folders where a containerd keeps its state, on the node.
	StateDirs []string
	// BuildImages are repositories of images that build images, beside the
	// well-known ones: a company's own copies of them.
	BuildImages []string
}

// stateDirs are where containerd keeps its state by default: its own, and as
// part of k3s and RKE2, of Docker, of k0s and of MicroK8s.
func stateDirs() []string {
	return []string{
		"/run/containerd", "/run/k3s/containerd", "/run/docker/containerd/daemon", "/var/run/docker/containerd",
		"/run/k0s/containerd", "/var/snap/microk8s/common/run/containerd",
	}
}

// storageDirs are where containers/storage keeps containers that run, and all.
func storageDirs() []string {
	return []string{"/run/containers/storage", "/var/lib/containers/storage"}
}

// errNotHere says that no file tells of a container.
var errNotHere = errors.New("no runtime's files tell of the container")

// find reads what the runtimes' files tell of a container.
func (s *Store) find(ref Ref) (*Container, error) {
	var errs []error
	for _, try := range []func(Ref) (*Container, error){s.fromContainerd, s.fromStorage, s.fromDocker, s.fromBuildKit} {
		c, err := try(ref)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if c, ok := s.starting.Get(ref.ID); ok { // elsewhere, or gone by now
		if c.Pod != nil && c.Pod.UID == "" {
			c.Pod.UID = ref.PodUID
		}
		return c, nil
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return nil, fmt.Errorf("%s: %w", ref.ID, errNotHere)
}

// fromContainerd looks in the folders of containerd's tasks: one for each
// namespace, and in it one for each container that runs.
func (s *Store) fromContainerd(ref Ref) (*Container, error) {
	if ref.Runtime != "" && ref.Runtime != Containerd && ref.Runtime != Docker {
		return nil, fs.ErrNotExist
	}
	for _, state := range s.stateDirs {
		tasks := filepath.Join(state, "io.containerd.runtime.v2.task")
		namespaces := []string{ref.Namespace}
		if ref.Namespace == "" {
			entries, err := os.ReadDir(s.onHost(tasks))
			if err != nil {
				continue
			}
			namespaces = namespaces[:0]
			for _, e := range entries {
				namespaces = append(namespaces, e.Name())
			}
		}
		for _, ns := range namespaces {
			dir := filepath.Join(tasks, ns, ref.ID)
			if ns == "moby" { // Docker's own files know more
				if c, err := s.fromDocker(ref); err == nil {
					return c, nil
				}
			}
			c, err := s.fromBundle(dir, ref)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			c.Runtime = first(c.Runtime, string(Containerd))
			c.Build = c.Build || ns == "buildkit"
			return c, nil
		}
	}
	return nil, fs.ErrNotExist
}

// fromBundle reads the config.json in a folder of the node.
func (s *Store) fromBundle(dir string, ref Ref) (*Container, error) {
	text, written, err := s.read(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	c, err := parseSpec(text, ref, written)
	if err != nil {
		return nil, err
	}
	if c.sandbox != "" && c.sandbox != c.ID {
		s.addSandbox(c, dir)
	}
	if c.Pod != nil && (c.sandbox == "" || c.sandbox == c.ID) {
		c.Pod.HostNetwork, c.Pod.HostPID, c.Pod.HostIPC = c.hostNetwork, c.hostPID, c.hostIPC
	}
	if c.Runtime == string(Podman) {
		s.addNames(c)
	}
	c.complete = true
	return c, nil
}

// addSandbox takes the pod's namespaces from its own container: a container of
// a pod joins them all by path, the node's, too.
func (s *Store) addSandbox(c *Container, dir string) {
	above := filepath.Dir(dir)
	bundle := filepath.Join(above, c.sandbox)
	if filepath.Base(dir) == "userdata" { // CRI-O
		bundle = filepath.Join(filepath.Dir(above), c.sandbox, "userdata")
	}
	text, written, err := s.read(filepath.Join(bundle, "config.json"))
	if err != nil {
		return
	}
	box, err := parseSpec(text, Ref{ID: c.sandbox}, written)
	if err != nil {
		return
	}
	c.Pod.HostNetwork, c.Pod.HostPID, c.Pod.HostIPC = box.hostNetwork, box.hostPID || c.hostPID, box.hostIPC
	if box.Pod != nil {
		c.Pod.Address = first(c.Pod.Address, box.Pod.Address)
	}
}

// fromStorage looks in the store of CRI-O and Podman.
func (s *Store) fromStorage(ref Ref) (*Container, error) {
	if ref.Runtime != "" && ref.Runtime != CRIO && ref.Runtime != Podman {
		return nil, fs.ErrNotExist
	}
	for _, dir := range storageDirs() {
		for _, driver := range []string{"overlay-containers", "vfs-containers"} {
			c, err := s.fromBundle(filepath.Join(dir, driver, ref.ID, "userdata"), ref)
			if !errors.Is(err, fs.ErrNotExist) {
				return c, err
			}
		}
	}
	return nil, fs.ErrNotExist
}

func (s *Store) addNames(c *Container) {
	for _, driver := range []string{"overlay-containers", "vfs-containers"} {
		if text, _, err := s.read(filepath.Join("/var/lib/containers/storage", driver, "containers.json")); err == nil {
			if err := c.addStorage(text); err == nil {
				return
			}
		}
	}
}

// fromDocker looks where Docker keeps what it knows.
func (s *Store) fromDocker(ref Ref) (*Container, error) {
	if ref.Build || ref.Runtime != "" && ref.Runtime != Docker {
		return nil, fs.ErrNotExist
	}
	dir := filepath.Join("/var/lib/docker/containers", ref.ID)
	config, written, err := s.read(filepath.Join(dir, "config.v2.json"))
	if err != nil {
		return nil, err
	}
	host, _, err := s.read(filepath.Join(dir, "hostconfig.json"))
	if err != nil {
		return nil, err
	}
	c, err := parseDocker(config, host, ref, written)
	if err != nil {
		return nil, err
	}
	if c.Pod != nil {
		c.Pod.HostNetwork, c.Pod.HostPID, c.Pod.HostIPC = c.hostNetwork, c.hostPID, c.hostIPC
	}
	c.complete = true
	return c, nil
}

// fromBuildKit looks where BuildKit keeps the steps of a build that run.
func (s *Store) fromBuildKit(ref Ref) (*Container, error) {
	if !ref.Build {
		return nil, fs.ErrNotExist
	}
	for _, dir := range []string{"/var/lib/docker/buildkit/executor", "/var/lib/buildkit/runc-overlayfs/executor", "/var/lib/buildkit/runc-native/executor"} {
		if c, err := s.fromBundle(filepath.Join(dir, ref.ID), ref); err == nil {
			return c, nil
		}
	}
	return nil, fs.ErrNotExist
}

// fromLogs finds the names of a container of Kubernetes in the name of its log
// file, POD_NAMESPACE_CONTAINER-ID.log, which stays for a while after its end.
func (s *Store) fromLogs(ref Ref) (*Container, error) {
	entries, err := os.ReadDir(s.onHost("/var/log/containers"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if c, ok := parseLogName(e.Name(), ref); ok {
			return c, nil
		}
	}
	return nil, fs.ErrNotExist
}

func parseLogName(name string, ref Ref) (*Container, bool) {
	name, ok := strings.CutSuffix(name, "-"+ref.ID+".log")
	parts := strings.Split(name, "_")
	if !ok || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, false
	}
	return &Container{
		Container: event.Container{ID: ref.ID, Name: parts[2], Runtime: string(ref.Runtime)},
		Pod:       &event.Pod{Name: parts[0], Namespace: parts[1], UID: ref.PodUID},
	}, true
}

func (s *Store) onHost(path string) string { return filepath.Join(s.root, path) }

// read reads a file of the node, and says when it was written.
func (s *Store) read(path string) ([]byte, time.Time, error) {
	f, err := os.Open(s.onHost(path))
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, fmt.Errorf("%s is no file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(b) > maxConfig {
		err = fmt.Errorf("%s has more than %d bytes", path, maxConfig)
	}
	return b, info.ModTime().UTC(), err
}
