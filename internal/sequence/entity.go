package sequence

import (
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// The kinds of entities.
const (
	kindPrincipal = "principal" // principal id of an IAM identity, with the session's name
	kindKey       = "key"       // access key
	kindUser      = "iamuser"   // account/name
	kindRole      = "role"      // ARN
	kindSubject   = "subject"   // account/namespace/service account, as IAM sees it
	kindInstance  = "instance"
	kindProfile   = "profile" // instance profile
	kindTask      = "task"    // of ECS
	kindFunction  = "function"
	kindBucket    = "bucket"
	kindAddress   = "address"
	// Of a cluster, whose name is in front.
	kindKubeUser = "kubeuser"
	kindAccount  = "serviceaccount"
	kindPod      = "pod"
	kindWorkload = "workload"
	kindNode     = "node"
)

func entity(kind string, parts ...string) Entity {
	for _, p := range parts {
		if p == "" {
			return ""
		}
	}
	return Entity(kind + ":" + strings.Join(parts, "/")) // Join copies nothing of one part, + does
}

// principalOf is the identity behind a principal id: the role alone where the
// name of the session was made up for the occasion.
func principalOf(id string) Entity {
	if role, session, ok := strings.Cut(id, ":"); ok && isMachine(session) {
		id = role
	}
	return entity(kindPrincipal, id)
}

// isMachine reports whether a session's name is one that programs make: one of
// a series, or what Pod Identity calls its sessions.
func isMachine(session string) bool {
	return strings.HasPrefix(session, "eks-") || event.IsNumbered(session)
}

// instanceOf is the instance, and taskOf the task, that a session is of.
func instanceOf(session string) Entity {
	if hex, ok := strings.CutPrefix(session, "i-"); ok && len(hex) >= 8 && strings.Trim(hex, "0123456789abcdef") == "" {
		return entity(kindInstance, session)
	}
	return ""
}

func taskOf(session string) Entity {
	if len(session) == 32 && strings.Trim(session, "0123456789abcdef") == "" {
		return entity(kindTask, session)
	}
	return ""
}

// serviceAccountOf splits the name under which a service account calls.
func serviceAccountOf(username string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(username, "system:serviceaccount:")
	if !ok {
		return "", "", false
	}
	namespace, name, ok = strings.Cut(rest, ":")
	return namespace, name, ok && namespace != "" && name != ""
}

// callerOf are the entities behind an API call of AWS. The role joins only
// sessions of programs: people who share one are different people.
func callerOf(id *event.Identity) (out []Entity) {
	p := principalOf(id.PrincipalID)
	out = append(out, p, entity(kindKey, id.AccessKeyID))
	_, session, _ := strings.Cut(id.PrincipalID, ":")
	out = append(out, instanceOf(session), taskOf(session))
	if isMachine(session) || instanceOf(session) != "" || taskOf(session) != "" {
		out = append(out, entity(kindRole, id.Issuer.ARN))
	}
	if id.Type == "IAMUser" {
		out = append(out, entity(kindUser, id.AccountID, id.UserName))
	}
	for _, arn := range [...]string{id.IssuedTo, id.SourceARN} {
		service, resource, _ := arnParts(arn)
		switch service {
		case "ec2":
			out = append(out, instanceOf(resource[strings.LastIndexByte(resource, '/')+1:]))
		case "ecs":
			out = append(out, taskOf(resource[strings.LastIndexByte(resource, '/')+1:]))
		case "lambda":
			out = append(out, entity(kindFunction, arn))
		}
	}
	return out
}

// ecsClusterOf is the ECS cluster that credentials were issued in, "" for none.
func ecsClusterOf(id *event.Identity) string {
	for _, arn := range [...]string{id.IssuedTo, id.SourceARN} {
		if service, resource, _ := arnParts(arn); service == "ecs" {
			if p := strings.Split(resource, "/"); len(p) == 3 {
				return strings.Clone(p[1])
			}
		}
	}
	return ""
}

// arnParts are the service and the resource of an ARN.
func arnParts(arn string) (service, resource string, ok bool) {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 {
		return "", "", false
	}
	return p[2], p[5], true
}

// clusterName is what the entities of a cluster begin with.
func clusterName(s event.Scope) string { return s.Account + "/" + s.Region + "/" + s.Cluster }

// addressOf is an address from which somebody without a name calls. One that is
// not of the internet means something in its own network only.
func addressOf(ip, cluster string) Entity {
	a, err := netip.ParseAddr(ip)
	if a = a.Unmap(); err != nil || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return entity(kindAddress, cluster, ip)
	}
	return entity(kindAddress, ip)
}

// kubeCaller are the entities behind a call of the Kubernetes API, who it is
// first; none for the parts of the control plane.
func kubeCaller(ev *event.Event) (out []Entity) {
	a := ev.Audit
	cluster := clusterName(ev.Scope)
	u := a.Acting()
	if ns, name, ok := serviceAccountOf(u.Username); ok {
		if ns == "kube-system" {
			return nil
		}
		out = append(out, entity(kindAccount, cluster, ns, name))
		return append(out, entity(kindPod, cluster, ns, a.User.Extra("authentication.kubernetes.io/pod-name")))
	}
	if id := a.User.Extra("principalId"); id != "" {
		if s := a.User.Extra("sessionName"); s != "" && !strings.Contains(id, ":") {
			id += ":" + s
		}
		return append(out, principalOf(id), entity(kindKey, a.User.Extra("accessKeyId")))
	}
	if node, ok := strings.CutPrefix(u.Username, "system:node:"); ok {
		return append(out, entity(kindNode, cluster, node))
	}
	if u.Username == "system:anonymous" {
		if ips := a.SourceIPs(); len(ips) > 0 {
			return append(out, addressOf(ips[len(ips)-1], cluster))
		}
		return nil
	}
	if u.Username == "" || strings.HasPrefix(u.Username, "system:") {
		return nil
	}
	return append(out, entity(kindKubeUser, cluster, u.Username))
}
