package sequence

import (
	"bytes"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// Event notes what is a step, or an edge, in a record. Nothing in the book
// aliases the record. Most records are neither, and cost a look at a map.
func (b *Book) Event(ev *event.Event) {
	if ev.Time.IsZero() {
		return
	}
	switch {
	case ev.Audit != nil:
		b.audit(ev)
	case ev.Trail != nil:
		b.call(ev)
	}
}

// weak notes a signal that is harmless alone, of the first of the entities. What
// of it is told apart by is name: which call, or what it was about.
func (b *Book) weak(ev *event.Event, k *rule, who []Entity, source, name, record, place string) {
	who = known(who)
	if k == nil || len(who) == 0 {
		return
	}
	s := ev.Scope
	n := &Note{
		Name: k.name, Who: who[0], Entities: who, Account: strings.Clone(s.Account), Region: strings.Clone(s.Region),
		Cluster: strings.Clone(s.Cluster), Source: source, Names: []string{strings.Clone(name)}, Records: []string{strings.Clone(record)},
	}
	if place != "" {
		n.Places = []string{strings.Clone(place)}
	}
	if t := ev.Trail; t != nil {
		n.ECS = ecsClusterOf(&t.Identity)
		if bucket := bucketOf(t); bucket != "" {
			n.Touched = []Entity{entity(kindBucket, bucket)}
		}
	}
	n.at(ev.Time)
	n.Last = n.Last.Truncate(time.Hour) // a note that only repeats says nothing new
	b.AddNote(n)
}

// known are the entities that have a name, without those that are there twice.
func known(list []Entity) (out []Entity) {
	seen := map[Entity]bool{"": true}
	for _, e := range list {
		if !seen[e] {
			seen[e] = true
			out = append(out, e)
		}
	}
	return out
}

// Hint notes what detection saw that is harmless alone: its name, the record
// that showed it, as an event and by the id that findings give it, the machine
// of a flow or a question, and what it is about.
func (b *Book) Hint(name string, ev *event.Event, record, instance, what string) {
	k := b.rules.hints[name]
	switch {
	case k == nil || ev.Time.IsZero():
	case ev.Flow != nil:
		b.weak(ev, k, []Entity{instanceOf(instance), taskOf(ev.Flow.ECSTask)}, "FLOW_LOGS", what, record, "")
	case ev.Query != nil:
		b.weak(ev, k, []Entity{instanceOf(instance)}, "DNS_LOGS", what, record, "")
	case ev.Runtime != nil:
		b.weak(ev, k, b.whoRuns(ev), "RUNTIME_MONITORING", what, record, "")
	}
}

// whoRuns are the entities of a sensor's record, first the one whose habits
// outlive a pod.
func (b *Book) whoRuns(ev *event.Event) []Entity {
	r := ev.Runtime
	if r.Pod == nil {
		return []Entity{entity(kindNode, clusterName(ev.Scope), r.Node.Name), instanceOf(r.Node.InstanceID)}
	}
	var n Note
	b.fromRuntime(&n, ev)
	if r.Pod.OwnerName != "" {
		n.Entities[0], n.Entities[1] = n.Entities[1], n.Entities[0]
	}
	return n.Entities
}

// Finding notes a finding: the signal that made it or was folded into it, and
// the record it came from, where that is at hand.
func (b *Book) Finding(s *finding.Signal, archived bool, ev *event.Event) {
	n := &Note{
		Name: s.Type, Finding: s.Identity(), Account: s.Account, Region: s.Region, Cluster: s.Cluster, Source: "FINDING", Archived: archived,
		Records: []string{s.Evidence.AuditID + s.Evidence.EventID},
	}
	if n.Records[0] == "" {
		n.Records[0] = s.Occurrence
	}
	n.at(s.Time)
	b.fromSignal(n, s)
	if ev != nil {
		b.fromEvent(n, ev)
	}
	n.Entities, n.Touched = known(n.Entities), known(n.Touched)
	b.AddNote(n)
}

// fromSignal adds what the signal itself names.
func (b *Book) fromSignal(n *Note, s *finding.Signal) {
	r := &s.Resource
	add := func(e ...Entity) { n.Entities = append(n.Entities, e...) }
	cluster := n.Account + "/" + n.Region + "/" + n.Cluster
	if k := r.AccessKeyDetails; k != nil && n.Cluster == "" {
		add(principalOf(k.PrincipalID), entity(kindKey, k.AccessKeyID))
	}
	if k := r.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil {
		w := k.KubernetesWorkloadDetails
		kind := kindPod
		if w.Type != "pods" {
			kind, w = kindWorkload, &finding.KubernetesWorkloadDetails{Namespace: w.Namespace, Name: kindOf(w.Type) + "/" + w.Name}
		}
		add(entity(kind, cluster, w.Namespace, w.Name))
	}
	if i := r.InstanceDetails; i != nil {
		pod := len(n.Entities) > 0 && n.Entities[0].Kind() == kindPod
		if instance := instanceOf(i.InstanceID); instance != "" && !pod {
			add(instance)
		} else if !pod && n.Cluster != "" {
			add(entity(kindNode, cluster, i.InstanceID))
		}
		if p := i.IAMInstanceProfile; p != nil && !pod {
			add(entity(kindProfile, p.ARN))
		}
	}
	if l := r.LambdaDetails; l != nil {
		add(entity(kindFunction, l.FunctionARN))
	}
	for _, d := range r.S3BucketDetails {
		n.Touched = append(n.Touched, entity(kindBucket, d.Name))
	}
	n.Places = append(n.Places, s.Actor.SourceIPs...)
	if ip := remoteOf(&s.Action); ip != "" { // no link: many a stranger comes by one exit of Tor
		n.Places = append(n.Places, ip)
	}
}

// fromEvent adds what only the record tells.
func (b *Book) fromEvent(n *Note, ev *event.Event) {
	switch {
	case ev.Audit != nil:
		who := kubeCaller(ev)
		n.Entities = append(who, n.Entities...)
	case ev.Trail != nil:
		n.Entities = append(n.Entities, callerOf(&ev.Trail.Identity)...)
		n.ECS = ecsClusterOf(&ev.Trail.Identity)
		if bucket := bucketOf(ev.Trail); bucket != "" {
			n.Touched = append(n.Touched, entity(kindBucket, bucket))
		}
	case ev.Flow != nil:
		n.ECS = strings.Clone(ev.Flow.ECSCluster)
		n.Entities = append(n.Entities, taskOf(ev.Flow.ECSTask))
	case ev.Runtime != nil:
		b.fromRuntime(n, ev)
	}
}

// fromRuntime adds the pod, what it is a replica of and what it runs as; and
// that it runs on a machine, from where an escape goes on.
func (b *Book) fromRuntime(n *Note, ev *event.Event) {
	r, cluster := ev.Runtime, clusterName(ev.Scope)
	p := r.Pod
	if p == nil {
		return
	}
	pod := entity(kindPod, cluster, p.Namespace, p.Name)
	n.Entities = append(n.Entities, pod)
	if p.OwnerName != "" {
		n.Entities = append(n.Entities, entity(kindWorkload, cluster, p.Namespace, ownerOf(p)))
	}
	b.edge(ev, pod, instanceOf(r.Node.InstanceID), "runs on", false)
	if p.ServiceAccount == "" {
		return
	}
	account := entity(kindAccount, cluster, p.Namespace, p.ServiceAccount)
	if p.ServiceAccount != "default" { // which all pods of a namespace may share
		n.Entities = append(n.Entities, account)
	}
	b.edge(ev, pod, account, "runs as", false)
}

func (b *Book) edge(ev *event.Event, from, to Entity, how string, standing bool) {
	b.AddEdge(&Edge{From: from, To: to, How: how, First: ev.Time.UTC(), Last: ev.Time.UTC(), Standing: standing})
}

func remoteOf(a *finding.Action) string {
	for _, d := range []*finding.RemoteIPDetails{
		remoteIP(a.AWSAPICallAction), remoteIP(a.KubernetesAPICallAction), remoteIP(a.NetworkConnectionAction),
	} {
		if d != nil {
			return d.IPAddressV4 + d.IPAddressV6
		}
	}
	return ""
}

func remoteIP(action any) *finding.RemoteIPDetails {
	switch a := action.(type) {
	case *finding.AWSAPICallAction:
		if a != nil {
			return a.RemoteIPDetails
		}
	case *finding.KubernetesAPICallAction:
		if a != nil {
			return a.RemoteIPDetails
		}
	case *finding.NetworkConnectionAction:
		if a != nil {
			return a.RemoteIPDetails
		}
	}
	return nil
}

// EventOf finds the record that a signal came from, nil if it is not in the
// batch: some are of records that came before.
func EventOf(b *event.Batch, s *finding.Signal) *event.Event {
	for i := range b.Events {
		if ev := &b.Events[i]; isOf(ev, s) {
			return ev
		}
	}
	return nil
}

func isOf(ev *event.Event, s *finding.Signal) bool {
	switch e := &s.Evidence; {
	case e.AuditID != "":
		return ev.Audit != nil && ev.Audit.AuditID == e.AuditID && ev.Audit.Stage == e.Stage
	case !ev.Time.Equal(s.Time):
		return false
	case ev.Trail != nil && ev.Trail.EventID != "":
		return ev.Trail.EventID == e.EventID
	}
	return s.Evidence.Raw != "" && bytes.HasPrefix(ev.Raw, []byte(s.Evidence.Raw))
}

// ownerOf is what a pod is a replica of: of a ReplicaSet the Deployment.
func ownerOf(p *event.Pod) string {
	if cut := strings.LastIndexByte(p.OwnerName, '-'); p.OwnerKind == "ReplicaSet" && cut > 0 {
		return "Deployment/" + p.OwnerName[:cut]
	}
	return p.OwnerKind + "/" + p.OwnerName
}
