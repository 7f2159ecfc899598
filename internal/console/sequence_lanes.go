package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// laneEntity is somebody or something that signals of a sequence name.
type laneEntity struct {
	ID    string // as the sequence has it
	Name  string // for people
	Page  entity
	Actor bool
}

// lanes are all entities of a sequence, and how they are linked.
type lanes struct {
	byID  map[string]laneEntity
	links [][2]string // of ids
}

// maxLanes is how many lanes a picture has; the list names everybody.
const maxLanes = 14

func lanesOf(seq *finding.Sequence) *lanes {
	l := &lanes{byID: map[string]laneEntity{}}
	for _, a := range seq.Actors {
		e := laneEntity{ID: a.ID, Name: lastOf(a.ID), Actor: true}
		switch {
		case a.User != nil && strings.HasPrefix(a.ID, "address:"):
			e.Name, e.Page = "somebody at "+a.User.UID, entity{"address", a.User.UID}
		case a.User != nil && (a.User.Type == "ServiceAccount" || strings.HasPrefix(a.ID, "kubeuser:")):
			e.Name, e.Page = a.User.Name, entity{"user", a.User.Name}
		case a.User != nil:
			e.Name, e.Page = a.User.Name, entity{"principal", cmp.Or(a.User.Name, a.User.UID)}
		case a.Process != nil:
			e.Name = "process " + cmp.Or(a.Process.Path, a.Process.Name)
		}
		l.byID[a.ID] = e
	}
	for _, r := range seq.Resources {
		l.byID[r.UID] = laneEntity{ID: r.UID, Name: resourceWords(&r), Page: resourcePage(&r)}
	}
	for _, p := range seq.Endpoints {
		e := laneEntity{ID: p.ID, Name: cmp.Or(p.Domain, p.IP, p.ID)}
		if e.Page = (entity{"address", p.IP}); p.Domain != "" {
			e.Page = entity{"domain", p.Domain}
		}
		l.byID[p.ID] = e
	}
	return l
}

func lastOf(id string) string { return id[strings.LastIndexAny(id, ":/")+1:] }

func resourceWords(r *finding.ResourceV2) string {
	name := cmp.Or(r.Name, r.UID)
	if w := workloadOf(r); w != nil {
		return joined(" ", strings.TrimSuffix(w.Type, "s"), joined("/", w.Namespace, name))
	}
	kind := resourcePage(r).What()
	return joined(" ", cmp.Or(kind, strings.ToLower(strings.ReplaceAll(r.ResourceType, "_", " "))), name)
}

func workloadOf(r *finding.ResourceV2) *finding.KubernetesWorkload {
	if r.Data == nil {
		return nil
	}
	return r.Data.KubernetesWorkload
}

func resourcePage(r *finding.ResourceV2) entity {
	switch r.ResourceType {
	case "ACCESS_KEY":
		return entity{"key", r.Name}
	case "EC2_INSTANCE":
		return entity{"instance", r.UID}
	case "S3_BUCKET":
		return entity{"bucket", r.Name}
	case "EKS_CLUSTER", "ECS_CLUSTER":
		return entity{"cluster", r.Name}
	case "LAMBDA_FUNCTION":
		return entity{"function", r.Name}
	case "RDS_DB_INSTANCE":
		return entity{"database", r.Name}
	case "IAM_USER":
		return entity{"principal", r.Name}
	case "KUBERNETES_WORKLOAD":
		kind, namespace := "workload", noNamespace
		if w := workloadOf(r); w != nil {
			namespace = cmp.Or(w.Namespace, namespace)
			if w.Type == "pods" || w.Type == "" {
				kind = "pod"
			}
		}
		return entity{kind, namespace + "/" + r.Name}
	}
	return entity{}
}

// of are the entities of a signal, actors first. The cluster says least and comes last.
func (l *lanes) of(s *finding.SequenceSignal) (out []laneEntity) {
	for _, id := range slices.Concat(s.ActorIDs, s.ResourceUIDs, s.EndpointIDs) {
		if e, ok := l.byID[id]; ok && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b laneEntity) int {
		return cmp.Compare(flagOf(a.Page.Kind == "cluster"), flagOf(b.Page.Kind == "cluster"))
	})
	return out
}

// find is the entity that a link names, whose ids have the kind in front.
func (l *lanes) find(id string) (laneEntity, bool) {
	if e, ok := l.byID[id]; ok {
		return e, true
	}
	kind, bare, _ := strings.Cut(id, ":")
	if e, ok := l.byID[bare]; ok {
		return e, true
	}
	role, _, _ := strings.Cut(bare, ":") // a principal id without the session
	for _, id := range []string{role, kind + ":" + role} {
		if e, ok := l.byID[id]; ok {
			return e, true
		}
	}
	return laneEntity{}, false
}

// name is an entity of a link in words.
func (l *lanes) name(id string) string {
	if e, ok := l.find(id); ok {
		return e.Name
	}
	kind, rest, _ := strings.Cut(id, ":")
	if parts := strings.SplitN(rest, "/", 4); len(parts) == 4 && !strings.HasPrefix(rest, "arn:") { // account, Region and cluster
		rest = parts[3]
	}
	return joined(" ", kind, rest)
}

func (l *lanes) link(from, to string) {
	a, ok := l.find(from)
	b, also := l.find(to)
	if ok && also && a.ID != b.ID {
		l.links = append(l.links, [2]string{a.ID, b.ID})
	}
}

// shown are the entities that have a lane: those with most signals, in the
// order in which they come into it, actors above. A process that one signal
// alone names, and a cluster that all do, say nothing that the list does not.
func (l *lanes) shown(signals []signalView) []laneEntity {
	count, at := map[string]int{}, map[string]int{}
	var all []laneEntity
	for i := range signals {
		for _, e := range signals[i].all {
			if count[e.ID]++; count[e.ID] == 1 {
				at[e.ID] = i
				all = append(all, e)
			}
		}
	}
	some := slices.DeleteFunc(slices.Clone(all), func(e laneEntity) bool {
		return e.Page.Kind == "cluster" || count[e.ID] == 1 && strings.HasPrefix(e.ID, "process:")
	})
	if len(some) > 0 {
		all = some
	}
	slices.SortStableFunc(all, func(a, b laneEntity) int {
		return cmp.Or(cmp.Compare(count[b.ID], count[a.ID]), cmp.Compare(at[a.ID], at[b.ID]), strings.Compare(a.ID, b.ID))
	})
	all = all[:min(len(all), maxLanes)]
	slices.SortStableFunc(all, func(a, b laneEntity) int {
		return cmp.Or(cmp.Compare(flagOf(b.Actor), flagOf(a.Actor)), cmp.Compare(at[a.ID], at[b.ID]), strings.Compare(a.ID, b.ID))
	})
	return all
}

func flagOf(b bool) int {
	if b {
		return 1
	}
	return 0
}
