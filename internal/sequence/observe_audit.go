package sequence

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// roleAnnotation gives a service account a role of IAM.
const roleAnnotation = "eks.amazonaws.com/role-arn"

// audit notes steps and edges in a call of the Kubernetes API.
func (b *Book) audit(ev *event.Event) {
	a := ev.Audit
	if a.Code == 403 {
		if who := kubeCaller(ev); who != nil && who[0].Kind() != kindAddress && who[0].Kind() != kindNode { // anybody may knock
			b.weakAudit(ev, b.rules.denied["denied-audit"], who, a.Verb+" "+object(a))
		}
		return
	}
	resource := object(a)
	rules, edge := b.rules.audit[resource], makesEdge(resource)
	if rules == nil && !edge || !a.Succeeded() || strings.Contains(a.RequestURI, "dryRun=") {
		return
	}
	who := known(kubeCaller(ev))
	if len(who) == 0 || who[0].Kind() == kindNode { // what kubelets do all day
		return
	}
	for _, k := range rules {
		if k.groups[a.Verb] {
			b.weakAudit(ev, k, who, a.Verb+" "+resource)
		}
	}
	if edge {
		b.auditEdges(ev, who[0], resource)
	}
}

func (b *Book) weakAudit(ev *event.Event, k *rule, who []Entity, name string) {
	place := ""
	if ips := ev.Audit.SourceIPs(); len(ips) > 0 {
		place = ips[len(ips)-1]
	}
	b.weak(ev, k, who, "EKS_AUDIT_LOGS", name, ev.Audit.AuditID, place)
}

// object is what a call was about: the resource with its subresource.
func object(a *event.Audit) string {
	if a.Object.Subresource == "" {
		return a.Object.Resource
	}
	return a.Object.Resource + "/" + a.Object.Subresource
}

func makesEdge(resource string) bool {
	switch resource {
	case "pods", "pods/exec", "pods/attach", "pods/ephemeralcontainers", "deployments", "daemonsets", "statefulsets", "jobs", "cronjobs",
		"serviceaccounts", "serviceaccounts/token":
		return true
	}
	return false
}

// auditEdges learns who reached into or made what, and what a service account
// is in IAM.
func (b *Book) auditEdges(ev *event.Event, who Entity, resource string) {
	a, cluster := ev.Audit, clusterName(ev.Scope)
	ns, name := a.Object.Namespace, a.Object.Name
	changes := a.Verb == "create" || a.Verb == "update" || a.Verb == "patch"
	switch {
	case resource == "pods/exec", resource == "pods/attach", resource == "pods/ephemeralcontainers":
		b.edge(ev, who, entity(kindPod, cluster, ns, name), "ran a program in", false)
	case !changes:
	case resource == "serviceaccounts/token":
		b.edge(ev, who, entity(kindAccount, cluster, ns, name), "made a token of", false)
	case resource == "serviceaccounts":
		for _, body := range [][]byte{a.ResponseObject, a.RequestObject} {
			n, _ := jsonscan.Parse(body)
			role := n.Get("metadata", "annotations").Text(roleAnnotation)
			b.edge(ev, entity(kindAccount, cluster, ns, nameIn(n, name)), entity(kindRole, role), "has the role", true)
		}
	case a.Verb != "create":
	case resource == "pods":
		n, _ := jsonscan.Parse(a.ResponseObject)
		b.edge(ev, who, entity(kindPod, cluster, ns, nameIn(n, name)), "made", false)
	default:
		n, _ := jsonscan.Parse(a.ResponseObject)
		b.edge(ev, who, entity(kindWorkload, cluster, ns, kindOf(resource)+"/"+nameIn(n, name)), "made", false)
	}
}

func nameIn(n *jsonscan.Node, name string) string {
	if name == "" {
		return n.Text("metadata", "name")
	}
	return name
}

func kindOf(resource string) string {
	switch resource {
	case "deployments":
		return "Deployment"
	case "daemonsets":
		return "DaemonSet"
	case "statefulsets":
		return "StatefulSet"
	case "jobs":
		return "Job"
	}
	return "CronJob"
}
