package container

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// dockerConfig is what is used of Docker's config.v2.json.
type dockerConfig struct {
	Name   string
	Image  string // its id
	Config *struct {
		Image  string
		Labels map[string]string
	}
	State struct {
		StartedAt time.Time
	}
	MountPoints map[string]struct {
		Source, Destination, Name string
		RW                        bool
	}
}

// dockerHost is what is used of its hostconfig.json.
type dockerHost struct {
	Privileged                    bool
	NetworkMode, PidMode, IpcMode string
}

// parseDocker reads the two files that Docker keeps of a container. start
// stands in for a time that is not in them: the file is written again once the
// container runs.
func parseDocker(config, host []byte, ref Ref, start time.Time) (*Container, error) {
	var d dockerConfig
	if err := json.Unmarshal(config, &d); err != nil {
		return nil, fmt.Errorf("config.v2.json of container %s: %w", ref.ID, err)
	}
	if d.Config == nil {
		return nil, fmt.Errorf("config.v2.json of container %s has no Config", ref.ID)
	}
	var h dockerHost
	if err := json.Unmarshal(host, &h); err != nil {
		return nil, fmt.Errorf("hostconfig.json of container %s: %w", ref.ID, err)
	}
	c := &Container{
		Container: event.Container{
			ID: ref.ID, Name: strings.TrimPrefix(d.Name, "/"), Image: d.Config.Image, ImageID: d.Image,
			Runtime: string(Docker), Start: d.State.StartedAt, Privileged: h.Privileged,
		},
		hostNetwork: h.NetworkMode == "host", hostPID: h.PidMode == "host", hostIPC: h.IpcMode == "host",
	}
	if c.Start.Before(start) { // it is started now; the last time was long ago, or never
		c.Start = start
	}
	podUID := ref.PodUID
	if l := d.Config.Labels; l[kubePod] != "" { // cri-dockerd
		c.Name = l[kubeContainer]
		c.Pod = &event.Pod{Name: l[kubePod], Namespace: l[kubeNamespace], UID: first(l[kubeUID], podUID)}
		c.sandbox = l["io.kubernetes.sandbox.id"]
		podUID = c.Pod.UID
	}
	for _, m := range d.MountPoints {
		if m.Name == "" { // a named volume is Docker's
			c.addMount(event.Bind{Source: m.Source, Target: m.Destination, ReadOnly: !m.RW}, podUID)
		}
	}
	slices.SortFunc(c.Mounts, func(a, b event.Bind) int { return strings.Compare(a.Target, b.Target) })
	return c, nil
}

// storageContainer is one entry of the containers.json of containers/storage,
// the store of Podman and CRI-O. Metadata is JSON in a string.
type storageContainer struct {
	ID       string   `json:"id"`
	Names    []string `json:"names"`
	Image    string   `json:"image"`
	Metadata string   `json:"metadata"`
}

// addStorage adds the names that config.json of Podman does not have.
func (c *Container) addStorage(text []byte) error {
	var all []storageContainer
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("containers.json: %w", err)
	}
	at := slices.IndexFunc(all, func(s storageContainer) bool { return s.ID == c.ID })
	if at < 0 {
		return nil
	}
	var meta struct {
		Image string `json:"image-name"`
		ID    string `json:"image-id"`
		Name  string `json:"name"`
	}
	_ = json.Unmarshal([]byte(all[at].Metadata), &meta) // another program's container has none of this
	c.Name = first(c.Name, meta.Name)
	if c.Name == "" && len(all[at].Names) > 0 {
		c.Name = all[at].Names[0]
	}
	c.Image = first(c.Image, meta.Image)
	c.ImageID = first(c.ImageID, meta.ID, all[at].Image)
	return nil
}
