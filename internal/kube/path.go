package kube

import "strings"

// Path names an object, or a collection if it has no name.
type Path struct {
	Group, Version string // the group "" is the core one
	Namespace      string // "" for what is in none
	Resource       string
	Name           string
}

// The resources that are asked for. The core group has no name.
func core(namespace, resource, name string) Path {
	return Path{Version: "v1", Namespace: namespace, Resource: resource, Name: name}
}

// DaemonSet is the path of one.
func DaemonSet(namespace, name string) Path {
	return Path{Group: "apps", Version: "v1", Namespace: namespace, Resource: "daemonsets", Name: name}
}

// ConfigMap is the path of one.
func ConfigMap(namespace, name string) Path { return core(namespace, "configmaps", name) }

// ServiceAccount is the path of one.
func ServiceAccount(namespace, name string) Path { return core(namespace, "serviceaccounts", name) }

// Pods are those of a namespace.
func Pods(namespace string) Path { return core(namespace, "pods", "") }

// Events are those of a namespace.
func Events(namespace string) Path { return core(namespace, "events", "") }

// Nodes are all of the cluster.
func Nodes() Path { return core("", "nodes", "") }

// segments is the path below the server's URL. Names are checked where they
// come from; a slash in one would lead elsewhere and is not let through.
func (p Path) segments() []string {
	var out []string
	if p.Group == "" {
		out = append(out, "api", p.Version)
	} else {
		out = append(out, "apis", p.Group, p.Version)
	}
	if p.Namespace != "" {
		out = append(out, "namespaces", p.Namespace)
	}
	out = append(out, p.Resource)
	if p.Name != "" {
		out = append(out, p.Name)
	}
	for i, s := range out {
		out[i] = strings.NewReplacer("/", "%2F", "..", "%2E%2E", "?", "%3F").Replace(s)
	}
	return out
}

// String is what the path leads to, as people say it.
func (p Path) String() string {
	s := p.Resource
	if p.Group != "" {
		s += "." + p.Group
	}
	switch {
	case p.Namespace != "" && p.Name != "":
		return s + " " + p.Namespace + "/" + p.Name
	case p.Namespace != "":
		return s + " in namespace " + p.Namespace
	case p.Name != "":
		return s + " " + p.Name
	}
	return s
}
