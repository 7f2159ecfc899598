package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// claim starts a claim about the record: what, where, who and the record itself.
// key tells incidents of one workload apart: what a pod that starts again and
// again, or each of a workload's replicas, does alike is one finding, whose
// actors are the pods. The detector adds Title, Description and Why, where the
// type has it Action and s.Runtime.Context, and gives it to raise.
func (r *runtimeRecord) claim(typ, key string) *finding.Signal {
	sc := r.ev.Scope
	t, _ := finding.Lookup(typ)
	s := &finding.Signal{
		Type: typ, Key: strings.Clone(r.place() + "|" + key),
		Account: strings.Clone(sc.Account), Region: strings.Clone(sc.Region), Cluster: strings.Clone(sc.Cluster), Home: r.opts.Home,
		Time: r.ev.Time, Occurrence: r.id(), Severity: t.Severity,
		Feature: "RuntimeMonitoring", Resource: r.resource(), Actor: r.actor(), Evidence: r.evidence(),
	}
	if r.Process != nil {
		s.Runtime = &finding.RuntimeDetails{Process: r.processDetails(), Context: &finding.RuntimeContext{}}
	}
	return s
}

// raise hands a finished claim on.
func (r *runtimeRecord) raise(s *finding.Signal) {
	r.finish(s)
	r.suspect(s.Type)
	r.out = append(r.out, s)
}

// finish adds what every claim says.
func (r *runtimeRecord) finish(s *finding.Signal) {
	if line := r.commandLine(r.Process); line != "" {
		if s.Info == nil {
			s.Info = map[string]any{}
		}
		s.Info["commandLine"] = line
	}
	if s.Runtime != nil && isEmptyContext(s.Runtime.Context) {
		s.Runtime.Context = nil
	}
}

func isEmptyContext(c *finding.RuntimeContext) bool {
	b, err := json.Marshal(c)
	return err == nil && len(b) <= len("{}")
}

// id identifies the record: by its place in the sensor's run, or else by its text.
func (r *runtimeRecord) id() string {
	if r.occurrence != "" {
		return r.occurrence
	}
	var sum [32]byte
	if s := r.Sensor; s.Session != "" && s.Sequence != 0 {
		sum = sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", r.Node.Name, s.Session, s.Sequence))
	} else {
		sum = sha256.Sum256(r.ev.Raw)
	}
	r.occurrence = hex.EncodeToString(sum[:12])
	return r.occurrence
}

// place names, in keys of findings, what the record is from: a container of a
// workload, an image on a node, or the node.
func (r *runtimeRecord) place() string {
	switch p, c := r.Pod, r.Container; {
	case p != nil:
		kind, name := workloadOf(p)
		container := ""
		if c != nil {
			container = c.Name
		}
		return p.Namespace + "/" + kind + "/" + name + "/" + container
	case c != nil:
		return r.Node.Name + "/" + cmp.Or(imageName(c.Image), c.Name, c.ID)
	}
	return r.Node.Name
}

// here names the very container or node, for what is remembered.
func (r *runtimeRecord) here() string {
	if r.Container != nil {
		return r.Node.Name + "/" + r.Container.ID
	}
	return r.Node.Name
}

// workloadOf is what a pod is a replica of. Names that a controller makes anew
// each time lose what it appended.
func workloadOf(p *event.Pod) (kind, name string) {
	kind, name = cmp.Or(p.OwnerKind, "Pod"), cmp.Or(p.OwnerName, p.Name)
	cut := strings.LastIndexByte(name, '-')
	if cut <= 0 {
		return kind, name
	}
	switch suffix := name[cut+1:]; {
	case kind == "ReplicaSet" && len(suffix) >= 6 && len(suffix) <= 10:
		return "Deployment", name[:cut]
	case kind == "Job" && len(suffix) >= 8 && strings.Trim(suffix, "0123456789") == "":
		return "CronJob", name[:cut]
	}
	return kind, name
}

func (r *runtimeRecord) actor() finding.Actor {
	a := finding.Actor{Node: strings.Clone(r.Node.Name)}
	if p := r.Process; p != nil {
		a.Process, a.Username = strings.Clone(cmp.Or(p.Executable, p.Name)), strings.Clone(p.User)
	}
	if c := r.Container; c != nil {
		a.Container = strings.Clone(cmp.Or(c.Name, c.ID))
	}
	if p := r.Pod; p != nil {
		a.Pod = p.Namespace + "/" + p.Name
	}
	return a
}

// resource is the pod in its cluster, the container, or the machine itself.
func (r *runtimeRecord) resource() finding.Resource {
	res := finding.Resource{ResourceType: "Instance", InstanceDetails: r.instance()}
	if r.ev.Scope.Cluster != "" {
		res.EKSClusterDetails = clusterDetails(r.ev.Scope)
	}
	switch {
	case r.Pod != nil:
		res.ResourceType = "EKSCluster"
		res.KubernetesDetails = &finding.KubernetesDetails{KubernetesWorkloadDetails: r.workload()}
	case r.Container != nil:
		c := r.container()
		res.ResourceType, res.ContainerDetails = "Container", &c
	}
	return res
}

// instance is the node. One that is no EC2 instance has its name for an id.
func (r *runtimeRecord) instance() *finding.InstanceDetails {
	n := &r.Node
	d := &finding.InstanceDetails{InstanceID: strings.Clone(cmp.Or(n.InstanceID, n.Name))}
	if n.Address != "" {
		d.NetworkInterfaces = []finding.NetworkInterface{{
			PrivateDNSName: strings.Clone(n.Name), PrivateIPAddress: strings.Clone(n.Address),
			PrivateIPAddresses: []finding.PrivateIPAddressDetails{{PrivateDNSName: strings.Clone(n.Name), PrivateIPAddress: strings.Clone(n.Address)}},
		}}
	}
	return d
}

func (r *runtimeRecord) workload() *finding.KubernetesWorkloadDetails {
	p := r.Pod
	w := &finding.KubernetesWorkloadDetails{
		Name: strings.Clone(p.Name), Type: "pods", UID: strings.Clone(p.UID), Namespace: strings.Clone(p.Namespace),
		ServiceAccountName: strings.Clone(p.ServiceAccount), HostNetwork: p.HostNetwork, HostPID: p.HostPID, HostIPC: p.HostIPC,
	}
	if r.Container == nil {
		return w
	}
	w.Containers = []finding.Container{r.container()}
	for _, m := range r.Container.Mounts {
		if m.Name != "" {
			w.Volumes = append(w.Volumes, finding.Volume{Name: strings.Clone(m.Name), HostPath: &finding.HostPath{Path: strings.Clone(m.Source)}})
		}
	}
	return w
}

func (r *runtimeRecord) container() finding.Container {
	c := r.Container
	d := finding.Container{
		ContainerRuntime: strings.Clone(c.Runtime), ID: strings.Clone(c.ID), Name: strings.Clone(c.Name),
		Image: strings.Clone(c.Image), ImagePrefix: strings.Clone(imagePrefix(c.Image)),
	}
	if c.Privileged {
		d.SecurityContext = &finding.SecurityContext{Privileged: true}
	}
	for _, m := range c.Mounts {
		d.VolumeMounts = append(d.VolumeMounts, finding.VolumeMount{Name: strings.Clone(m.Name), MountPath: strings.Clone(m.Target)})
	}
	return d
}

// processDetails is the record's process with those it comes from.
func (r *runtimeRecord) processDetails() *finding.ProcessDetails {
	d := processOf(r.Process)
	for i := range r.Ancestors {
		a := &r.Ancestors[i]
		d.Lineage = append(d.Lineage, finding.LineageObject{
			StartTime: epochOf(a.Start), NamespacePID: int64(a.NamespacePID), UserID: int64(a.UID), Name: strings.Clone(a.Name), PID: int64(a.PID),
			UUID: strings.Clone(a.UUID), ExecutablePath: strings.Clone(a.Executable), Euid: int64(a.EUID), ParentUUID: strings.Clone(a.ParentUUID),
		})
	}
	return d
}

// processOf is a process as findings show it; nil of nil.
func processOf(p *event.Process) *finding.ProcessDetails {
	if p == nil {
		return nil
	}
	return &finding.ProcessDetails{
		Name: strings.Clone(p.Name), ExecutablePath: strings.Clone(p.Executable), ExecutableSHA256: strings.Clone(p.SHA256),
		NamespacePID: int64(p.NamespacePID), Pwd: strings.Clone(p.Cwd), PID: int64(p.PID), StartTime: epochOf(p.Start),
		UUID: strings.Clone(p.UUID), ParentUUID: strings.Clone(p.ParentUUID), User: strings.Clone(p.User), UserID: int64(p.UID), Euid: int64(p.EUID),
	}
}

func epochOf(t time.Time) *finding.Epoch {
	if t.IsZero() {
		return nil
	}
	return &finding.Epoch{Time: t}
}

// evidence is the record itself. Where command lines are not to be shown, or
// it would be cut, it is written anew: without command lines, or without the
// ancestors', so that what happened is in it.
func (r *runtimeRecord) evidence() finding.EvidenceRecord {
	e := finding.EvidenceRecord{EventID: r.id(), Time: r.ev.Time}
	raw := r.ev.Raw
	if r.opts.HideCommandLines || len(raw) > finding.MaxRawEvidence {
		if b, err := json.Marshal(r.without(r.opts.HideCommandLines)); err == nil {
			raw = b
		}
	}
	e.Raw, e.RawCut = rawEvidence(raw)
	if r.ev.Truncated {
		e.Hidden = hiddenByCut
	}
	if r.opts.HideCommandLines {
		e.Hidden = strings.TrimPrefix(e.Hidden+"; "+hiddenCommandLines, "; ")
	}
	return e
}

const hiddenCommandLines = "command lines are not shown: detection.runtimeCommandLines is off"

// without is a copy of the record without the command lines of ancestors, and
// of all processes if commands says so.
func (r *runtimeRecord) without(commands bool) *event.Runtime {
	c := *r.Runtime
	c.Ancestors = append([]event.Process{}, c.Ancestors...)
	for i := range c.Ancestors {
		c.Ancestors[i].Args = nil
	}
	if !commands {
		return &c
	}
	c.Process = bare(c.Process)
	if c.Exec != nil {
		x := *c.Exec
		x.File.Writer = bare(x.File.Writer)
		c.Exec = &x
	}
	if c.Library != nil {
		l := *c.Library
		l.File.Writer = bare(l.File.Writer)
		c.Library = &l
	}
	if c.Target != nil {
		t := *c.Target
		t.Process.Args = nil
		c.Target = &t
	}
	if c.Alert != nil {
		a := *c.Alert
		a.Text = ""
		c.Alert = &a
	}
	return &c
}

func bare(p *event.Process) *event.Process {
	if p == nil {
		return nil
	}
	b := *p
	b.Args = nil
	return &b
}

// commandLine is the command line of a process as findings show it to the
// operator, "" where it is not to be shown.
func (r *runtimeRecord) commandLine(p *event.Process) string {
	if r.opts.HideCommandLines || p == nil || len(p.Args) == 0 {
		return ""
	}
	const limit = 1000
	line := strings.ToValidUTF8(strings.Join(p.Args, " "), "\uFFFD")
	if len(line) > limit {
		line = strings.ToValidUTF8(line[:limit], "") + "…"
	} else if p.ArgsCut {
		line += " …"
	}
	return line
}

// processName names a process in a sentence.
func processName(p *event.Process) string {
	if p == nil {
		return "a process that is not known"
	}
	return oneLine(cmp.Or(p.Executable, p.Name, "a process"))
}

// oneLine is a name that a process chose, fit for one line of a sentence.
func oneLine(name string) string {
	const limit = 256
	if len(name) > limit {
		name = name[:limit] + "…"
	}
	for _, c := range name {
		if !strconv.IsPrint(c) {
			return strconv.Quote(name)
		}
	}
	return name
}

// where names in a sentence where the record is from.
func (r *runtimeRecord) where() string {
	switch p, c := r.Pod, r.Container; {
	case p != nil && c != nil && c.Name != "":
		return fmt.Sprintf("container %s of pod %s in namespace %s", c.Name, p.Name, p.Namespace)
	case p != nil:
		return fmt.Sprintf("pod %s in namespace %s", p.Name, p.Namespace)
	case c != nil:
		return fmt.Sprintf("container %s on node %s", cmp.Or(c.Name, path.Base(imageName(c.Image)), c.ID), r.Node.Name)
	}
	return "the system of node " + r.Node.Name
}
