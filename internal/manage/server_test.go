package manage

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// world is an API server, and a manager with the rights of the printed manifests.
type world struct {
	*testbed.KubeAPI
	t       *testing.T
	manager *Manager
	sensor  *Sensor
	ca      []byte
	access  Access
	is      store.Cluster
}

// TestManager: all that is done in a cluster, with a real API server and real
// roles: those that `vedette kube access` prints, and nothing more.
func TestManager(t *testing.T) {
	api := testbed.StartKubeAPI(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"install", testInstall}, {"upgrade", testUpgrade}, {"drift", testDrift}, {"remove", testRemove}, {"leave", testLeave},
		{"foreign", testForeign}, {"rights", testRights}, {"authority", testAuthority}, {"coverage", testCoverage},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newWorld(t, api.In(t), "in-"+part.name)) })
	}
}

func newWorld(t *testing.T, api *testbed.KubeAPI, namespace string) *world {
	t.Helper()
	w := &world{KubeAPI: api, t: t, ca: []byte("-----BEGIN CERTIFICATE-----\none\n")}
	w.access = Access{Namespace: namespace, Name: namespace + "-sensor", Cluster: "prod", Own: true, AuthorityNamespace: namespace, AuthorityName: "authority"}
	w.access.ServerNamespace, w.access.ServerName = namespace, w.access.Role()
	var b bytes.Buffer
	if err := w.access.Manifest(&b); err != nil {
		t.Fatal(err)
	}
	w.create(b.String())
	w.sensor = &Sensor{
		Namespace: namespace, Name: w.access.Name, Cluster: "prod", Image: "registry.internal/vedette:1.0", Server: "https://vedette.internal:8700", Priority: "system-node-critical",
		Requests: map[string]string{"cpu": "50m"}, Limits: map[string]string{"memory": "256Mi"}, Audience: "vedette/prod", Args: []string{"--cpu-limit=300m"},
	}
	w.manager = New(Options{
		Client: kube.New(api.Kubeconfig(api.ServiceAccountToken(namespace, w.access.ServerName)), ""), Sensor: w.sensor,
		Authority: func() []byte { return w.ca }, Now: time.Now,
	})
	w.eventually("the rights to be known", func() bool {
		none := func(json.RawMessage) error { return nil }
		return w.manager.Client.Get(t.Context(), kube.ServiceAccount(namespace, w.access.Name), nil) == nil &&
			w.manager.Client.List(t.Context(), kube.Nodes(), nil, none) == nil && w.manager.Client.List(t.Context(), kube.Events(namespace), nil, none) == nil
	})
	return w
}

// eventually waits: the API server learns of roles a moment after they are made.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited for %s", what)
		}
	}
}

// create makes the objects of a manifest, as the administrator.
func (w *world) create(manifest string) {
	w.t.Helper()
	for dec := yaml.NewDecoder(strings.NewReader(manifest)); ; {
		var o map[string]any
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			w.t.Fatal(err)
		}
		group, kind := "/api/v1", o["kind"].(string)
		if g := o["apiVersion"].(string); g != "v1" {
			group = "/apis/" + g
		}
		if ns, ok := o["metadata"].(map[string]any)["namespace"].(string); ok {
			group += "/namespaces/" + ns
		}
		w.Must(http.MethodPost, group+"/"+strings.ToLower(kind)+"s", o)
	}
}

func (w *world) reconcile(wanted bool) error {
	w.t.Helper()
	wish := Remove
	if wanted {
		wish = Keep
	}
	return w.manager.Reconcile(w.t.Context(), wish, &w.is)
}

func (w *world) must(wanted bool) {
	w.t.Helper()
	if err := w.reconcile(wanted); err != nil || w.is.Fault != "" {
		w.t.Fatalf("%v; fault %q", err, w.is.Fault)
	}
}

func (w *world) path(kind string) string {
	group := "/api/v1"
	if kind == "daemonsets" {
		group = "/apis/apps/v1"
	}
	return group + "/namespaces/" + w.sensor.Namespace + "/" + kind + "/" + w.sensor.Name
}

// daemonSet is the object as the API server has it; nil if there is none.
func (w *world) daemonSet() map[string]any { return w.object("daemonsets") }

func (w *world) object(kind string) map[string]any {
	w.t.Helper()
	status, o := w.Ask(http.MethodGet, w.path(kind), nil)
	if status == http.StatusNotFound {
		return nil
	}
	return o
}

// dig follows names and numbers into an object.
func dig(o any, path ...any) any {
	for _, p := range path {
		switch key := p.(type) {
		case string:
			m, _ := o.(map[string]any)
			o = m[key]
		case int:
			l, _ := o.([]any)
			if key >= len(l) {
				return nil
			}
			o = l[key]
		}
	}
	return o
}
