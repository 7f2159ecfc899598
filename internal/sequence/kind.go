package sequence

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// The types of sequences.
const (
	TypeEKS = "AttackSequence:EKS/CompromisedCluster"
	TypeECS = "AttackSequence:ECS/CompromisedCluster"
	TypeEC2 = "AttackSequence:EC2/CompromisedInstanceGroup"
	TypeS3  = "AttackSequence:S3/CompromisedData"
	TypeIAM = "AttackSequence:IAM/CompromisedCredentials"
)

// order is that in which types are preferred where they are equally strong.
func order(typ string) int {
	return slices.Index([]string{TypeEKS, TypeECS, TypeEC2, TypeS3, TypeIAM}, typ)
}

// typeOfNote is the type that a finding argues for.
func typeOfNote(n *Note) string {
	t, _ := finding.Lookup(n.Name)
	_, resource, _ := strings.Cut(n.Name, ":")
	switch {
	case n.ECS != "":
		return TypeECS
	case t.ResourceType == "EKSCluster" && n.Cluster != "" && !onNodeAlone(n):
		return TypeEKS
	case strings.HasPrefix(resource, "S3/"):
		return TypeS3
	case t.ResourceType == "Instance", t.ResourceType == "EKSCluster":
		return TypeEC2
	}
	return TypeIAM
}

// onNodeAlone reports whether a sensor's finding is of no pod of the cluster.
func onNodeAlone(n *Note) bool {
	return strings.Contains(n.Name, ":Runtime/") &&
		!slices.ContainsFunc(n.Entities, func(e Entity) bool { return e.Kind() == kindPod || e.Kind() == kindNode })
}

// typeOf is the type for which the findings say most, and what the sequence is
// about. Data that is reached, and nothing but credentials before, is of S3.
func typeOf(items []item) (typ string, also []string, root string) {
	best := map[string]map[int]float64{}
	data := false
	for _, i := range items {
		if !i.note.Strong() {
			continue
		}
		t := typeOfNote(i.note)
		if best[t] == nil {
			best[t] = map[int]float64{}
		}
		best[t][i.stage] = max(best[t][i.stage], i.surprise)
		data = data || t == TypeS3 && Stages()[i.stage] != "Initial Access" && Stages()[i.stage] != "Discovery"
	}
	var types []string
	weight := map[string]float64{}
	for t, stages := range best {
		types = append(types, t)
		for _, w := range values(stages) {
			weight[t] += w
		}
	}
	if _, iam := best[TypeIAM]; iam && data {
		weight[TypeS3] = max(weight[TypeS3], weight[TypeIAM])
	}
	slices.SortFunc(types, func(a, b string) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(order(a), order(b)))
	})
	if len(types) == 0 {
		return TypeIAM, nil, ""
	}
	return types[0], types[1:], rootOf(types[0], items)
}

// values are those of a map in the order of its keys: sums must not depend on
// the order of a map.
func values(m map[int]float64) (out []float64) {
	for n := range len(Stages()) {
		if v, ok := m[n]; ok {
			out = append(out, v)
		}
	}
	return out
}

// rootOf is what a sequence of a type is about: the cluster, or the first by
// name of the credentials or instances.
func rootOf(typ string, items []item) string {
	var roots []string
	for _, i := range items {
		n := i.note
		if !n.Strong() || typeOfNote(n) != typ {
			continue
		}
		switch typ {
		case TypeEKS:
			roots = append(roots, "eks:"+n.Account+"/"+n.Region+"/"+n.Cluster)
		case TypeECS:
			roots = append(roots, "ecs:"+n.Account+"/"+n.Region+"/"+n.ECS)
		default:
			roots = append(roots, string(firstOf(n.Entities, typ)))
		}
	}
	return slices.Min(roots)
}

// firstOf is the entity that a finding of a type is about.
func firstOf(list []Entity, typ string) Entity {
	want := []string{kindPrincipal, kindKey}
	if typ == TypeEC2 {
		want = []string{kindInstance, kindNode}
	}
	for _, kind := range want {
		for _, e := range list {
			if e.Kind() == kind {
				return e
			}
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return ""
}
