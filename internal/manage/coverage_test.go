package manage

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// testCoverage: of each node it is said why there is no sensor.
func testCoverage(t *testing.T, w *world) {
	w.must(true)
	for name, n := range map[string]struct {
		labels map[string]any
		info   map[string]any
		ready  string
	}{
		"fine": {}, "quiet": {}, "pull": {}, "crash": {}, "full": {}, "mount": {}, "bare": {}, "again": {},
		"old":     {info: map[string]any{"kernelVersion": "5.4.0-150-generic"}},
		"win":     {info: map[string]any{"operatingSystem": "windows", "kernelVersion": "10.0.20348.1"}},
		"s390":    {info: map[string]any{"architecture": "s390x"}},
		"fargate": {labels: map[string]any{"eks.amazonaws.com/compute-type": "fargate"}},
		"virtual": {labels: map[string]any{"type": "virtual-kubelet"}},
		"down":    {ready: "Unknown"},
	} {
		w.node(name, n.labels, n.info, n.ready)
	}
	running := map[string]any{"ready": true, "state": map[string]any{"running": map[string]any{"startedAt": "2026-01-01T00:00:00Z"}}}
	waiting := func(reason, message string) map[string]any {
		return map[string]any{"state": map[string]any{"waiting": map[string]any{"reason": reason, "message": message}}}
	}
	ended := map[string]any{"terminated": map[string]any{"exitCode": 1, "reason": "Error", "message": "sensor: the kernel has no\ntype information\n"}}
	crash := waiting("CrashLoopBackOff", "back-off 5m0s restarting")
	crash["lastState"] = ended
	again := map[string]any{"ready": true, "state": running["state"], "lastState": ended}
	w.pod("fine", "Running", running, nil)
	w.pod("quiet", "Running", running, nil)
	w.pod("again", "Running", again, nil)
	w.pod("pull", "Pending", waiting("ImagePullBackOff", `Back-off pulling image "registry.internal/vedette:1.0": no such host`), nil)
	w.pod("crash", "Running", crash, nil)
	w.pod("full", "Pending", nil, map[string]any{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/9 nodes are available: 1 Insufficient memory."})
	uid := w.pod("mount", "Pending", waiting("ContainerCreating", ""), nil)
	w.event("Pod", "mount", uid, "FailedMount", `configmap "vedette-sensor" not found`)
	w.event("DaemonSet", w.sensor.Name, "", "FailedCreate", `pods "x" is forbidden: violates PodSecurity "restricted:latest"`)
	w.manager.nodes = nodeList{} // it was listed a moment ago
	w.must(true)

	heard := []store.Node{{NodeKey: store.NodeKey{Name: "fine"}, Sensor: "vedette", Version: "1.0", Since: time.Now(), Heard: time.Now().Add(10 * time.Minute)}}
	c := store.CoverageIn(&w.is, heard, time.Now().Add(10*time.Minute))
	if c.Expected != 8 || c.Covered != 1 || c.Starting != 0 || c.Version != "1.0" {
		t.Errorf("%+v", c)
	}
	if now := store.CoverageIn(&w.is, nil, time.Now()); now.Expected != 0 || now.Starting != 8 || !strings.HasPrefix(now.Pending, "Provisioning in progress:") {
		t.Errorf("at the start: %+v", now)
	}
	trouble := map[string]string{}
	for _, n := range w.is.Nodes {
		trouble[n.Name] = n.Excluded + n.Trouble
		if n.Name == "down" && !n.Unready {
			t.Error("a node that is down counts as ready")
		}
	}
	for name, want := range map[string]string{
		"fine": "", "quiet": "", "down": `FailedCreate: pods "x" is forbidden`,
		"pull":    `the pod p-pull cannot pull its image: ImagePullBackOff: Back-off pulling image "registry.internal/vedette:1.0": no such host`,
		"crash":   "the pod p-crash keeps ending (CrashLoopBackOff), exit code 1: sensor: the kernel has no type information",
		"again":   "the pod p-again was started again, exit code 1: sensor: the kernel",
		"full":    "the pod p-full cannot be scheduled: 0/9 nodes are available: 1 Insufficient memory.",
		"mount":   `the pod p-mount does not start: FailedMount: configmap "vedette-sensor" not found`,
		"bare":    `FailedCreate: pods "x" is forbidden: violates PodSecurity "restricted:latest"`,
		"old":     "the kernel 5.4.0-150-generic is too old; the sensor needs Linux 5.8",
		"win":     "the operating system is windows; the sensor needs Linux",
		"s390":    "the architecture is s390x; the sensor needs amd64 or arm64",
		"fargate": "a Fargate node", "virtual": "a virtual node",
	} {
		if got := trouble[name]; !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(c.Issue, "Sensor pod not running:") || !strings.Contains(c.Issue, "crash (the pod p-crash keeps ending") {
		t.Error(c.Issue)
	}
	list, more := w.is.Excluded(3)
	if len(list) != 3 || more != 3 || !strings.HasPrefix(list[0], "down (the node is not ready") {
		t.Error(list, more)
	}
	only := w.is
	only.Nodes = nil
	for _, n := range w.is.Nodes {
		if n.Name == "quiet" || n.Name == "fine" {
			only.Nodes = append(only.Nodes, n)
		}
	}
	if c := store.CoverageIn(&only, heard, time.Now().Add(10*time.Minute)); !strings.HasPrefix(c.Issue, "Sensor not reporting:quiet (the pod p-quiet runs, and no record of it comes; its log says why: kubectl -n in-coverage logs p-quiet)") {
		t.Error(c.Issue)
	}
	w.sensor.NodeSelector = map[string]string{"pool": "a"}
	w.manager.nodes = nodeList{}
	if w.must(true); !strings.Contains(w.is.Nodes[0].Excluded, "it has not the label pool=a") {
		t.Errorf("%+v", w.is.Nodes[0])
	}
}

func (w *world) node(name string, labels, info map[string]any, ready string) {
	w.t.Helper()
	w.Must(http.MethodPost, "/api/v1/nodes", map[string]any{"metadata": map[string]any{"name": name, "labels": labels}})
	all := map[string]any{
		"operatingSystem": "linux", "architecture": "amd64", "kernelVersion": "6.1.0-30-amd64", "machineID": "", "systemUUID": "", "bootID": "",
		"osImage": "", "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "",
	}
	for k, v := range info {
		all[k] = v
	}
	if ready == "" {
		ready = "True"
	}
	w.Merge("/api/v1/nodes/"+name+"/status", map[string]any{"status": map[string]any{"nodeInfo": all, "conditions": []any{map[string]any{"type": "Ready", "status": ready}}}})
}

// pod makes the sensor's of a node, as the controller of DaemonSets does, and
// has its status be what a kubelet would say.
func (w *world) pod(node, phase string, container, condition map[string]any) (uid string) {
	w.t.Helper()
	pods := "/api/v1/namespaces/" + w.sensor.Namespace + "/pods"
	spec := map[string]any{"containers": []any{map[string]any{"name": "sensor", "image": "i"}}, "serviceAccountName": w.sensor.Name}
	if condition == nil {
		spec["nodeName"] = node
	}
	spec["affinity"] = map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": []any{
		map[string]any{"matchFields": []any{map[string]any{"key": "metadata.name", "operator": "In", "values": []any{node}}}}}}}}
	o := w.Must(http.MethodPost, pods, map[string]any{"metadata": map[string]any{"name": "p-" + node, "labels": map[string]any{"app.kubernetes.io/name": w.sensor.Name}}, "spec": spec})
	status := map[string]any{"phase": phase}
	if container != nil {
		one := map[string]any{"name": "sensor", "image": "i", "imageID": "", "restartCount": 0, "ready": false}
		for k, v := range container {
			one[k] = v
		}
		status["containerStatuses"] = []any{one}
	}
	if condition != nil {
		status["conditions"] = []any{condition}
	}
	w.Merge(pods+"/p-"+node+"/status", map[string]any{"status": status})
	return dig(o, "metadata", "uid").(string)
}

func (w *world) event(kind, name, uid, reason, message string) {
	w.t.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	w.Must(http.MethodPost, "/api/v1/namespaces/"+w.sensor.Namespace+"/events", map[string]any{
		"metadata": map[string]any{"generateName": "e-"}, "type": "Warning", "reason": reason, "message": message, "firstTimestamp": now, "lastTimestamp": now,
		"involvedObject": map[string]any{"kind": kind, "namespace": w.sensor.Namespace, "name": name, "uid": uid},
	})
}
