package console

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// entity is somebody or something that findings name. The id of what is in a
// namespace of a cluster is NAMESPACE/NAME.
type entity struct{ Kind, ID string }

// Href is the page of the entity.
func (e entity) Href() string {
	return Root + "entities/" + url.PathEscape(e.Kind) + "/" + url.PathEscape(e.ID)
}

// maxEntityID is the longest id that has a page, in bytes. Nothing of ours has
// a longer one; what attackers write would make the pages that link to it long.
const maxEntityID = 600

// Known says whether there is a page of the entity.
func (e entity) Known() bool {
	_, ok := kindOf(e.Kind)
	return ok && e.ID != "" && len(e.ID) <= maxEntityID
}

// What names the kind in words.
func (e entity) What() string {
	k, _ := kindOf(e.Kind)
	return k.Name
}

// entityKind is a kind of entity, and in which fields of a finding its id stands.
type entityKind struct {
	Key, Name, Plural string
	paths             []string
	prefix            string // of the id as the last of the paths has it
}

// Paths of fields that are used by more than one.
const (
	workloadName      = "resource.kubernetesDetails.kubernetesWorkloadDetails.name"
	workloadNamespace = "resource.kubernetesDetails.kubernetesWorkloadDetails.namespace"
	workloadType      = "resource.kubernetesDetails.kubernetesWorkloadDetails.type"
	kubeUser          = "resource.kubernetesDetails.kubernetesUserDetails.username"
	userName          = "resource.accessKeyDetails.userName"
	nodeUser          = "system:node:"
	noNamespace       = "-"
)

// entityKinds are all kinds, in the order in which they are offered.
func entityKinds() []entityKind {
	remote := func(action string) []string {
		return []string{action + ".remoteIpDetails.ipAddressV4", action + ".remoteIpDetails.ipAddressV6"}
	}
	return []entityKind{
		{Key: "principal", Name: "AWS principal", Plural: "AWS principals", paths: []string{userName, "resource.accessKeyDetails.principalId"}},
		{Key: "key", Name: "access key", Plural: "Access keys", paths: []string{"resource.accessKeyDetails.accessKeyId"}},
		{Key: "user", Name: "Kubernetes user", Plural: "Kubernetes users", paths: []string{kubeUser, "resource.kubernetesDetails.kubernetesUserDetails.impersonatedUser.username"}},
		{Key: "workload", Name: "workload", Plural: "Workloads", paths: []string{workloadName}},
		{Key: "pod", Name: "pod", Plural: "Pods", paths: []string{workloadName}},
		{Key: "node", Name: "node", Plural: "Nodes", paths: []string{"resource.instanceDetails.networkInterfaces.privateDnsName", kubeUser}, prefix: nodeUser},
		{Key: "cluster", Name: "cluster", Plural: "Clusters", paths: []string{"resource.eksClusterDetails.name", "resource.ecsClusterDetails.name"}},
		{Key: "image", Name: "container image", Plural: "Container images", paths: []string{
			"resource.kubernetesDetails.kubernetesWorkloadDetails.containers.image", "resource.containerDetails.image", "resource.ecsClusterDetails.taskDetails.containers.image"}},
		{Key: "instance", Name: "instance", Plural: "Instances", paths: []string{"resource.instanceDetails.instanceId"}},
		{Key: "function", Name: "function", Plural: "Functions", paths: []string{"resource.lambdaDetails.functionName", "resource.lambdaDetails.functionArn"}},
		{Key: "bucket", Name: "bucket", Plural: "Buckets", paths: []string{"resource.s3BucketDetails.name"}},
		{Key: "database", Name: "database", Plural: "Databases", paths: []string{"resource.rdsDbInstanceDetails.dbInstanceIdentifier"}},
		{Key: "address", Name: "address", Plural: "Addresses", paths: slices.Concat(
			remote("service.action.awsApiCallAction"), remote("service.action.networkConnectionAction"), remote("service.action.kubernetesApiCallAction"),
			remote("service.action.portProbeAction.portProbeDetails"), remote("service.action.rdsLoginAttemptAction"),
			[]string{"resource.instanceDetails.networkInterfaces.publicIp", "resource.instanceDetails.networkInterfaces.privateIpAddress"})},
		{Key: "domain", Name: "domain", Plural: "Domains", paths: []string{"service.action.dnsRequestAction.domain"}},
	}
}

func kindOf(key string) (entityKind, bool) {
	kinds := entityKinds()
	i := slices.IndexFunc(kinds, func(k entityKind) bool { return k.Key == key })
	if i < 0 {
		return entityKind{}, false
	}
	return kinds[i], true
}

// namedBy are the values that a finding has which names the entity.
func (e entity) namedBy() (anyOf [][]store.FieldValue) {
	k, ok := kindOf(e.Kind)
	if !ok {
		return nil
	}
	if namespace, name, cut := strings.Cut(e.ID, "/"); k.paths[0] == workloadName {
		if !cut {
			return nil
		}
		group := []store.FieldValue{{Path: workloadName, Text: name}}
		if namespace != noNamespace {
			group = append(group, store.FieldValue{Path: workloadNamespace, Text: namespace})
		}
		return [][]store.FieldValue{group}
	}
	for i, p := range k.paths {
		text := e.ID
		if i == len(k.paths)-1 {
			text = k.prefix + text
		}
		anyOf = append(anyOf, []store.FieldValue{{Path: p, Text: text}})
	}
	return anyOf
}

// entitiesIn are the entities of some kinds in the values of a finding.
func entitiesIn(values map[string][]string, kinds []entityKind) (out []entity) {
	add := func(kind, id string) {
		if e := (entity{kind, id}); e.Known() && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	for _, k := range kinds {
		switch k.Key {
		case "workload", "pod":
			if is := first(values[workloadType]) == "pods"; is != (k.Key == "pod") {
				continue
			}
			if name := first(values[workloadName]); name != "" {
				add(k.Key, cmp.Or(first(values[workloadNamespace]), noNamespace)+"/"+name)
			}
		case "principal", "function": // the second field is another name of the same
			add(k.Key, cmp.Or(first(values[k.paths[0]]), first(values[k.paths[1]])))
		case "user":
			for _, p := range k.paths {
				for _, id := range values[p] {
					if !strings.HasPrefix(id, nodeUser) {
						add(k.Key, id)
					}
				}
			}
		case "node":
			for _, id := range values[k.paths[0]] {
				add(k.Key, id)
			}
			if node, ok := strings.CutPrefix(first(values[kubeUser]), nodeUser); ok {
				add(k.Key, node)
			}
		default:
			for _, p := range k.paths {
				for _, id := range values[p] {
					add(k.Key, id)
				}
			}
		}
	}
	return out
}

// pathsOf are the fields in which entities of some kinds stand.
func pathsOf(kinds []entityKind) (paths []string) {
	for _, k := range kinds {
		paths = append(paths, k.paths...)
		if k.paths[0] == workloadName {
			paths = append(paths, workloadNamespace, workloadType)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// entitiesOf are the entities that a finding names, most telling first.
func entitiesOf(f *finding.Finding) ([]entity, error) {
	flat, err := finding.Flatten(f)
	if err != nil {
		return nil, err
	}
	values := map[string][]string{}
	for _, p := range pathsOf(entityKinds()) {
		for _, v := range flat[p] {
			values[p] = append(values[p], v.Text)
		}
	}
	// A caller of Kubernetes is named there, too, as GuardDuty does it.
	values[userName] = slices.DeleteFunc(values[userName], func(name string) bool { return slices.Contains(values[kubeUser], name) })
	return entitiesIn(values, entityKinds()), nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
