package manage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/kube"
)

func version(o any) any { return dig(o, "metadata", "resourceVersion") }

func testInstall(t *testing.T, w *world) {
	w.must(true)
	ds := w.daemonSet()
	spec := dig(ds, "spec", "template", "spec")
	container := dig(spec, "containers", 0)
	text, _ := json.Marshal(ds)
	for what, ok := range map[string]bool{
		"label":           dig(ds, "metadata", "labels", "app.kubernetes.io/managed-by") == "vedette",
		"owner":           dig(ds, "metadata", "ownerReferences", 0, "uid") == dig(w.object("serviceaccounts"), "metadata", "uid"),
		"every taint":     fmt.Sprint(dig(spec, "tolerations")) == "[map[operator:Exists]]",
		"capabilities":    fmt.Sprint(dig(container, "securityContext", "capabilities")) == "map[add:[BPF PERFMON NET_ADMIN SYS_PTRACE DAC_READ_SEARCH] drop:[ALL]]",
		"not privileged":  dig(container, "securityContext", "privileged") == nil && dig(container, "securityContext", "allowPrivilegeEscalation") == false,
		"token":           strings.Contains(string(text), `"serviceAccountToken":{"audience":"vedette/prod"`),
		"no secret":       !strings.Contains(string(text), "secretName"),
		"authority":       dig(w.object("configmaps"), "data", "ca.crt") == string(w.ca),
		"arguments":       strings.Contains(fmt.Sprint(dig(container, "args")), "--token-file=/var/run/secrets/vedette/token --ca-file=/etc/vedette/ca.crt") && strings.HasSuffix(fmt.Sprint(dig(container, "args")), "--cpu-limit=300m]"),
		"status":          w.is.Sensor.Installed && w.is.Managed && w.is.Wanted && !w.is.At.IsZero(),
		"why it ended":    dig(container, "terminationMessagePolicy") == "FallbackToLogsOnError",
		"service account": dig(spec, "serviceAccountName") == w.sensor.Name,
	} {
		if !ok {
			t.Errorf("%s: %s", what, text)
		}
	}
	before := []any{version(ds), version(w.object("configmaps"))}
	w.must(true)
	if after := []any{version(w.daemonSet()), version(w.object("configmaps"))}; fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("nothing is to be done, and was: %v, %v", before, after)
	}
}

func testUpgrade(t *testing.T, w *world) {
	w.must(true)
	image := func() any { return dig(w.daemonSet(), "spec", "template", "spec", "containers", 0, "image") }
	w.sensor.Image, w.sensor.Args = "registry.internal/vedette:2.0", nil
	w.must(true)
	if image() != "registry.internal/vedette:2.0" || dig(w.daemonSet(), "metadata", "generation") != 2.0 {
		t.Errorf("%v of generation %v", image(), dig(w.daemonSet(), "metadata", "generation"))
	}
	if args := fmt.Sprint(dig(w.daemonSet(), "spec", "template", "spec", "containers", 0, "args")); strings.Contains(args, "cpu-limit") {
		t.Errorf("an argument that is not wanted any more stays: %s", args)
	}
	w.ca = []byte("-----BEGIN CERTIFICATE-----\ntwo\n")
	w.must(true)
	if got := dig(w.object("configmaps"), "data", "ca.crt"); got != string(w.ca) {
		t.Errorf("the authority is %v", got)
	}
	if g := dig(w.daemonSet(), "metadata", "generation"); g != 2.0 {
		t.Errorf("a new authority rolls the pods: generation %v", g)
	}
	w.ca = nil // the server has a certificate of an authority that all know
	w.must(true)
	if args := fmt.Sprint(dig(w.daemonSet(), "spec", "template", "spec", "containers", 0, "args")); strings.Contains(args, "ca-file") {
		t.Errorf("an authority that is none: %s", args)
	}
}

// testDrift: what somebody changes, adds or takes away is put right.
func testDrift(t *testing.T, w *world) {
	w.must(true)
	affinity := dig(w.daemonSet(), "spec", "template", "spec", "affinity")
	pod := func(v map[string]any) map[string]any {
		return map[string]any{"spec": map[string]any{"template": map[string]any{"spec": v}}}
	}
	for what, change := range map[string]map[string]any{
		"another image":   pod(map[string]any{"containers": []any{map[string]any{"name": "sensor", "image": "other:1", "args": []any{"version"}}}}),
		"a node selector": pod(map[string]any{"nodeSelector": map[string]any{"no": "where"}}),
		"no tolerations":  pod(map[string]any{"tolerations": nil}),
		"an affinity": pod(map[string]any{"affinity": map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
			"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": "a", "operator": "Exists"}}}}}}}}),
		"a second container": pod(map[string]any{"containers": []any{map[string]any{"name": "sensor", "image": "i"}, map[string]any{"name": "more", "image": "i"}}}),
	} {
		w.Merge(w.path("daemonsets"), change)
		w.must(true)
		spec := dig(w.daemonSet(), "spec", "template", "spec")
		if dig(spec, "containers", 0, "image") != w.sensor.Image || dig(spec, "nodeSelector") != nil || !reflect.DeepEqual(dig(spec, "affinity"), affinity) ||
			dig(spec, "containers", 1) != nil || dig(spec, "tolerations", 0, "operator") != "Exists" {
			t.Errorf("%s stays: %v", what, spec)
		}
		before := version(w.daemonSet())
		w.must(true)
		if after := version(w.daemonSet()); after != before {
			t.Errorf("%s: it is put right again and again", what)
		}
	}
	restart := map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/restartedAt": "now"}}}}}
	w.Merge(w.path("daemonsets"), restart)
	before := version(w.daemonSet())
	if w.must(true); version(w.daemonSet()) != before {
		t.Error("kubectl rollout restart is undone")
	}
	w.Merge(w.path("configmaps"), map[string]any{"data": map[string]any{"ca.crt": "mine"}})
	if w.must(true); dig(w.object("configmaps"), "data", "ca.crt") != string(w.ca) {
		t.Error("another authority stays")
	}
	w.Must(http.MethodDelete, w.path("daemonsets"), nil)
	if w.must(true); w.daemonSet() == nil {
		t.Error("a DaemonSet that was deleted is not made again")
	}
}

func testRemove(t *testing.T, w *world) {
	w.must(true)
	w.must(false)
	if w.daemonSet() != nil || w.object("configmaps") != nil {
		t.Error("something stays")
	}
	if w.object("serviceaccounts") == nil {
		t.Error("what the installer made is gone")
	}
	if w.must(false); w.is.Sensor.Installed || w.is.Sensor.Deleting || w.is.Wanted {
		t.Errorf("%+v", w.is.Sensor)
	}
	if w.must(true); w.daemonSet() == nil {
		t.Error("it does not come back")
	}
}

// testLeave: where nobody decided, what is there is looked at and stays as it is.
func testLeave(t *testing.T, w *world) {
	leave := func() {
		t.Helper()
		if err := w.manager.Reconcile(t.Context(), Leave, &w.is); err != nil || w.is.Fault != "" {
			t.Fatalf("%v; fault %q", err, w.is.Fault)
		}
	}
	if leave(); w.daemonSet() != nil || w.is.Sensor.Installed || w.is.LeftAlone() != "" {
		t.Errorf("nothing is there: %+v", w.is.Sensor)
	}
	w.must(true)
	w.Merge(w.path("daemonsets"), map[string]any{"spec": map[string]any{"minReadySeconds": 1}})
	before := version(w.daemonSet())
	if leave(); version(w.daemonSet()) != before || w.object("configmaps") == nil {
		t.Error("it was changed")
	}
	if !w.is.Sensor.Installed || w.is.Wanted || !strings.HasPrefix(w.is.LeftAlone(), "Sensor left alone:the DaemonSet in-leave/in-leave-sensor is there, and no detector") {
		t.Errorf("%+v", w.is)
	}
	if w.must(true); w.is.LeftAlone() != "" {
		t.Error("it is kept, and said to be left alone")
	}
	if w.must(false); w.daemonSet() != nil || w.is.LeftAlone() != "" {
		t.Error("an order to remove it is not followed any more")
	}
}

// testForeign: what Vedette did not make is left alone, and that is said.
func testForeign(t *testing.T, w *world) {
	theirs := map[string]any{
		"metadata": map[string]any{"name": w.sensor.Name, "labels": map[string]any{"app.kubernetes.io/managed-by": "Helm"}},
		"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"a": "b"}}, "template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}}},
	}
	w.Must(http.MethodPost, strings.TrimSuffix(w.path("daemonsets"), "/"+w.sensor.Name), theirs)
	before := version(w.daemonSet())
	for _, wanted := range []bool{true, false, true} {
		err := w.reconcile(wanted)
		if (err != nil) != wanted || !w.is.Sensor.Foreign || w.is.Sensor.Installed {
			t.Errorf("wanted %v: %v %+v", wanted, err, w.is.Sensor)
		}
	}
	if !strings.Contains(w.is.Fault, "Sensor not managed:the DaemonSet in-foreign/in-foreign-sensor was not made by Vedette (it is managed by Helm) and is left alone") {
		t.Error(w.is.Fault)
	}
	if version(w.daemonSet()) != before {
		t.Error("it was changed")
	}
	w.Must(http.MethodDelete, w.path("daemonsets"), nil)
	w.must(true)
	w.Merge(w.path("daemonsets"), map[string]any{"metadata": map[string]any{"labels": map[string]any{managedLabel: nil}}})
	if err := w.reconcile(false); err != nil || w.daemonSet() == nil {
		t.Errorf("without the label it is not ours any more: %v", err)
	}
}

// testRights: the server's rights reach no further, and what is missing is named.
func testRights(t *testing.T, w *world) {
	w.must(true)
	ctx, c := t.Context(), w.manager.Client
	other := kube.DaemonSet(w.sensor.Namespace, "other")
	body, err := w.sensor.daemonSet()
	if err != nil {
		t.Fatal(err)
	}
	body["metadata"].(map[string]any)["name"] = "other"
	for what, err := range map[string]error{
		"another DaemonSet":    c.Apply(ctx, other, body, true, nil),
		"one elsewhere":        c.Apply(ctx, kube.DaemonSet("default", w.sensor.Name), object{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": map[string]any{"name": w.sensor.Name}}, true, nil),
		"a secret":             c.Get(ctx, kube.Path{Version: "v1", Namespace: w.sensor.Namespace, Resource: "secrets", Name: w.access.ServerName}, nil),
		"another account":      c.Get(ctx, kube.ServiceAccount(w.sensor.Namespace, w.access.ServerName), nil),
		"pods elsewhere":       c.List(ctx, kube.Pods("default"), nil, func(json.RawMessage) error { return nil }),
		"other ConfigMaps":     c.Get(ctx, kube.ConfigMap(w.sensor.Namespace, "other"), nil),
		"a node":               c.Get(ctx, kube.Path{Version: "v1", Resource: "nodes", Name: "a"}, nil),
		"the sensor's account": c.Apply(ctx, kube.ServiceAccount(w.sensor.Namespace, w.sensor.Name), object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": w.sensor.Name}}, true, nil),
	} {
		if !kube.IsForbidden(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	role := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + w.sensor.Namespace + "/roles/" + w.access.Role()
	was := w.Must(http.MethodGet, role, nil)
	w.Merge(role, map[string]any{"rules": []any{}})
	w.eventually("the rights to be gone", func() bool { return w.reconcile(true) != nil })
	if err = w.reconcile(true); err == nil || !strings.Contains(w.is.Fault, "API server refuses:the API server forbids it, the right to get serviceaccounts in-rights/in-rights-sensor is missing") {
		t.Errorf("%v; %s", err, w.is.Fault)
	}
	w.Merge(role, map[string]any{"rules": was["rules"]})
	w.eventually("the rights to be back", func() bool { return w.reconcile(true) == nil && w.is.Fault == "" })
	w.Must(http.MethodDelete, w.path("serviceaccounts"), nil)
	if err = w.reconcile(true); err == nil || !strings.Contains(w.is.Fault, "Sensor not installed:there is no service account in-rights/in-rights-sensor; who installs Vedette makes it") {
		t.Errorf("%v; %s", err, w.is.Fault)
	}
	review, err := c.ReviewToken(ctx, w.ServiceAccountToken(w.sensor.Namespace, w.access.ServerName, "vedette/prod"), "vedette/prod")
	if err != nil || !review.Authenticated {
		t.Errorf("%+v %v", review, err)
	}
}

func testAuthority(t *testing.T, w *world) {
	w.manager.AuthorityNamespace, w.manager.AuthorityName = w.sensor.Namespace, "authority"
	w.manager.Sensor = nil // the cluster's sensors are somebody else's
	path := "/api/v1/namespaces/" + w.sensor.Namespace + "/configmaps/authority"
	w.must(true)
	if o := w.Must(http.MethodGet, path, nil); dig(o, "data", "ca.crt") != string(w.ca) || w.is.Managed {
		t.Errorf("%v", o)
	}
	w.Merge(path, map[string]any{"data": map[string]any{"theirs": "x", "ca.crt": "y"}})
	w.ca = []byte("two")
	w.must(true)
	o := w.Must(http.MethodGet, path, nil)
	if dig(o, "data", "ca.crt") != "two" || dig(o, "data", "theirs") != "x" {
		t.Errorf("%v", o["data"])
	}
	before := version(o)
	if w.must(false); version(w.Must(http.MethodGet, path, nil)) != before {
		t.Error("it is written again")
	}
}
