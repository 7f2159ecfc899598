package container

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// PodInfo is what the API server knows of a pod. It is never edited once made.
type PodInfo struct {
	Pod        event.Pod
	Containers map[string]ContainerInfo // by id
	HostPaths  map[string]string        // volume names by their path on the node
	version    string
	// uid is the API's; a pod from a file on the node has another one on the node.
	uid string
}

// ContainerInfo is what it knows of a container.
type ContainerInfo struct{ Name, Image, ImageID string }

// podJSON is what is used of a Pod.
type podJSON struct {
	Metadata struct {
		Name, Namespace, UID, ResourceVersion string
		CreationTimestamp                     time.Time
		Labels, Annotations                   map[string]string
		OwnerReferences                       []struct {
			Kind, Name string
			Controller bool
		}
	}
	Spec struct {
		ServiceAccountName            string
		HostNetwork, HostPID, HostIPC bool
		Volumes                       []struct {
			Name     string
			HostPath *struct{ Path string }
		}
	}
	Status struct {
		PodIP                                                                string
		ContainerStatuses, InitContainerStatuses, EphemeralContainerStatuses []struct {
			Name, Image, ImageID, ContainerID string
		}
	}
}

// Annotations that kubelet gives the API's picture of a pod from a file.
const mirrorHash = "kubernetes.io/config.hash"

// maxVolumes and maxStatuses bound what is kept of one pod.
const (
	maxVolumes  = 256
	maxStatuses = 256
)

// parsePod reads a Pod as the API server sends it.
func parsePod(text []byte) (*PodInfo, error) {
	var p podJSON
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("pod: %w", err)
	}
	m := p.Metadata
	if m.Name == "" || m.UID == "" {
		return nil, fmt.Errorf("a pod without name or UID")
	}
	info := &PodInfo{
		Pod: event.Pod{
			Name: m.Name, Namespace: m.Namespace, UID: m.UID, ServiceAccount: p.Spec.ServiceAccountName, Address: p.Status.PodIP,
			HostNetwork: p.Spec.HostNetwork, HostPID: p.Spec.HostPID, HostIPC: p.Spec.HostIPC,
		},
		Containers: map[string]ContainerInfo{}, HostPaths: map[string]string{}, version: m.ResourceVersion, uid: m.UID,
	}
	if _, err := netip.ParseAddr(info.Pod.Address); err != nil {
		info.Pod.Address = ""
	}
	if hash := m.Annotations[mirrorHash]; hash != "" {
		info.Pod.UID = hash
	}
	for _, o := range m.OwnerReferences {
		if o.Controller {
			info.Pod.OwnerKind, info.Pod.OwnerName = workload(o.Kind, o.Name, m.Labels["pod-template-hash"], m.CreationTimestamp)
		}
	}
	for _, v := range p.Spec.Volumes[:min(len(p.Spec.Volumes), maxVolumes)] {
		if v.HostPath != nil {
			info.HostPaths[v.HostPath.Path] = v.Name
		}
	}
	for _, statuses := range [][]struct{ Name, Image, ImageID, ContainerID string }{
		p.Status.ContainerStatuses, p.Status.InitContainerStatuses, p.Status.EphemeralContainerStatuses,
	} {
		for _, s := range statuses[:min(len(statuses), maxStatuses)] {
			if _, id, ok := strings.Cut(s.ContainerID, "://"); ok {
				_, imageID, scheme := strings.Cut(s.ImageID, "://")
				if !scheme {
					imageID = s.ImageID
				}
				info.Containers[id] = ContainerInfo{s.Name, s.Image, imageID}
			}
		}
	}
	return info, nil
}

// workload is the object that people know a pod by. A ReplicaSet that a
// Deployment made is called by it and by the hash that the pod bears, too; a
// Job that a CronJob made is called by it and by the minute it was due, which
// is about when the pod was made.
func workload(kind, name, hash string, made time.Time) (string, string) {
	switch kind {
	case "ReplicaSet":
		if owner, ok := strings.CutSuffix(name, "-"+hash); ok && hash != "" && owner != "" {
			return "Deployment", owner
		}
	case "Job":
		at := strings.LastIndexByte(name, '-')
		if at <= 0 {
			break
		}
		due, err := strconv.ParseInt(name[at+1:], 10, 64)
		if err != nil {
			break
		}
		unit := time.Minute
		if len(name[at+1:]) == 10 { // before Kubernetes 1.21
			unit = time.Second
		}
		// A Job may be held back, or its pods tried again, for days.
		late := made.Sub(time.Unix(due*int64(unit/time.Second), 0))
		if late > -time.Hour && late < 14*24*time.Hour {
			return "CronJob", name[:at]
		}
	}
	return kind, name
}

// nodeJSON is what is used of a Node.
type nodeJSON struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct{ ProviderID string }
	Status   struct {
		Addresses []struct{ Type, Address string }
	}
}

// parseNode reads a Node: its address and, on EC2, the instance and the Region.
func parseNode(text []byte, node *event.Node) error {
	var n nodeJSON
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	for _, a := range n.Status.Addresses {
		if _, err := netip.ParseAddr(a.Address); err == nil && a.Type == "InternalIP" && node.Address == "" {
			node.Address = a.Address
		}
	}
	// aws:///us-east-1a/i-0123456789abcdef0
	if rest, ok := strings.CutPrefix(n.Spec.ProviderID, "aws://"); ok {
		if id := rest[strings.LastIndexByte(rest, '/')+1:]; strings.HasPrefix(id, "i-") && node.InstanceID == "" {
			node.InstanceID = id
		}
		node.Region = first(node.Region, n.Metadata.Labels["topology.kubernetes.io/region"])
	}
	return nil
}
