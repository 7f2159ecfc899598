package decode

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// callOf reads what a call did from its method's name, such as
//
//	io.k8s.core.v1.pods.exec.create
//	io.k8s.authorization.rbac.v1.clusterrolebindings.create
//	io.k8s.get
//
// and on what from the name of its resource, such as
//
//	core/v1/namespaces/default/pods/web/exec
//	rbac.authorization.k8s.io/v1/clusterrolebindings/admin
//	readyz
//
// and returns the verb and the path that the call must have had.
func callOf(method, name string, o *event.ObjectRef) (verb, uri string) {
	verb = method[strings.LastIndexByte(method, '.')+1:]
	group, rest, _ := strings.Cut(name, "/")
	version, rest, ok := strings.Cut(rest, "/")
	resource, sub := resourceOf(method, version)
	if !ok || resource == "" {
		return verb, "/" + strings.TrimPrefix(name, "/")
	}
	o.APIVersion, o.Resource, o.Subresource = version, resource, sub
	uri = "/api/" + version + "/" + rest
	if group != "core" {
		o.APIGroup = group
		uri = "/apis/" + name
	}
	object := rest
	if within, ok := strings.CutPrefix(rest, "namespaces/"); ok && resource != "namespaces" {
		o.Namespace, object, _ = strings.Cut(within, "/")
	}
	if object, ok = strings.CutPrefix(object, resource+"/"); ok {
		o.Name, _, _ = strings.Cut(object, "/")
	}
	if resource == "namespaces" {
		o.Namespace = o.Name
	}
	if verb == "create" && sub == "" && o.Name != "" { // the path of a create ends before the name
		uri = strings.TrimSuffix(uri, "/"+o.Name)
	}
	return verb, uri
}

// resourceOf is the resource and the subresource in a method's name: what
// stands between the version and the verb. A call on a path that is no resource
// names neither.
func resourceOf(method, version string) (resource, sub string) {
	if version == "" {
		return "", ""
	}
	_, rest, ok := strings.Cut(method, "."+version+".")
	if !ok {
		return "", ""
	}
	resource, rest, ok = strings.Cut(rest, ".")
	if !ok {
		return "", ""
	}
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		sub = strings.ReplaceAll(rest[:i], ".", "/")
	}
	return resource, sub
}
