package app

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/manage"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

const daemonSetPath = "/apis/apps/v1/namespaces/vedette/daemonsets/vedette-sensor"

// kubeCluster is a real API server with what `vedette kube access` prints, and
// how it is in the configuration.
func kubeCluster(t *testing.T) (*testbed.KubeAPI, config.KubernetesCluster) {
	t.Helper()
	s := testbed.StartKubeAPI(t)
	access := manage.Access{Namespace: "vedette", Name: "vedette-sensor", Cluster: "prod", Own: true, ServerNamespace: "vedette", ServerName: "vedette-server",
		AuthorityNamespace: "vedette", AuthorityName: "vedette-ca"}
	var b bytes.Buffer
	if err := access.Manifest(&b); err != nil {
		t.Fatal(err)
	}
	for dec := yaml.NewDecoder(&b); ; {
		var o map[string]any
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := "/api/v1"
		if g := o["apiVersion"].(string); g != "v1" {
			path = "/apis/" + g
		}
		if ns, ok := o["metadata"].(map[string]any)["namespace"].(string); ok {
			path += "/namespaces/" + ns
		}
		s.Must(http.MethodPost, path+"/"+strings.ToLower(o["kind"].(string))+"s", o)
	}
	s.Must(http.MethodPost, "/api/v1/namespaces/vedette/serviceaccounts", map[string]any{"metadata": map[string]any{"name": "shipper"}})
	return s, config.KubernetesCluster{
		Name: "prod", Kubeconfig: s.Kubeconfig(s.ServiceAccountToken("vedette", "vedette-server")), Pushers: []string{"vedette/shipper"}, AuthorityConfigMap: "vedette/vedette-ca",
		Sensor: config.ManagedSensor{Managed: true, Namespace: "vedette", Name: "vedette-sensor", Image: "registry.internal/vedette:1.0", Server: "https://vedette.internal:8700", PriorityClassName: "system-node-critical"},
	}
}

func runtimeFeature(on, managed bool) []finding.Feature {
	return []finding.Feature{{Name: "RUNTIME_MONITORING", Enabled: on, Chosen: true, Additional: []finding.FeatureSetting{{Name: "EKS_ADDON_MANAGEMENT", Enabled: managed}}}}
}

// TestManagedSensor: the sensor of a cluster comes and goes with the detector's
// features, without the server being told anything else.
func TestManagedSensor(t *testing.T) {
	s, cluster := kubeCluster(t)
	dir := t.TempDir()
	start := func() *App {
		return startApp(t, dir, func(c *config.Config) {
			autoTLS("vedette.internal")(c)
			c.Kubernetes.Clusters = []config.KubernetesCluster{cluster}
		})
	}
	a := start()
	st, id := a.keys.store, finding.DetectorID(a.Config.Account, a.Config.Region)
	there := func() bool { code, _ := s.Ask(http.MethodGet, daemonSetPath, nil); return code == http.StatusOK }
	known := func() *store.Cluster {
		list, err := st.Clusters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return store.ClusterOf(list, a.Config.Account, a.Config.Region, "prod")
	}
	until(t, "the authority is in its ConfigMap", func() bool {
		_, o := s.Ask(http.MethodGet, "/api/v1/namespaces/vedette/configmaps/vedette-ca", nil)
		data, _ := o["data"].(map[string]any)
		return data["ca.crt"] == string(a.authorityPEM())
	})
	if there() {
		t.Fatal("there is a sensor, and no detector")
	}
	features := func(on, managed bool) {
		t.Helper()
		if err := st.UpdateDetector(t.Context(), id, func(d *finding.Detector) error { d.Features = runtimeFeature(on, managed); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	err := st.CreateDetector(t.Context(), finding.Detector{ID: id, Account: a.Config.Account, Region: a.Config.Region, Enabled: true, Features: runtimeFeature(true, true)})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	until(t, "the sensor is there", there)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	until(t, "that is known", func() bool { c := known(); return c != nil && c.Sensor.Installed && c.Wanted && c.Fault == "" })
	features(true, false)
	until(t, "it went with the management of the add-on", func() bool { return !there() })
	features(true, true)
	until(t, "it is there again", there)
	features(false, true)
	until(t, "it went with Runtime Monitoring", func() bool { return !there() })
	features(true, true)
	until(t, "it is there again", there)
	_, before := s.Ask(http.MethodGet, daemonSetPath, nil)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	testSensorLeftAlone(t, s, cluster)
	a = start()
	st = a.keys.store
	at := known().At
	until(t, "the next server looked at it", func() bool { return known().At.After(at) })
	_, after := s.Ask(http.MethodGet, daemonSetPath, nil)
	if b, n := before["metadata"].(map[string]any), after["metadata"].(map[string]any); b["resourceVersion"] != n["resourceVersion"] {
		t.Error("the next server changed it")
	}
	if err := st.UpdateDetector(t.Context(), id, func(d *finding.Detector) error { d.Enabled = false; return nil }); err != nil {
		t.Fatal(err)
	}
	until(t, "it went with the detector that was suspended", func() bool { return !there() })
	if err := st.UpdateDetector(t.Context(), id, func(d *finding.Detector) error { d.Enabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	until(t, "it is there again", there)
	if err := st.DeleteDetector(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	until(t, "it went with the detector", func() bool { return !there() })
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Name = "renamed"
	a = start()
	st = a.keys.store
	until(t, "a cluster that is not configured any more is forgotten", func() bool { return known() == nil })
}

// testSensorLeftAlone: a server with a store that is new, such as after the loss
// of the one before, leaves the sensor that is there until a detector decides.
func testSensorLeftAlone(t *testing.T, s *testbed.KubeAPI, cluster config.KubernetesCluster) {
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		autoTLS("vedette.internal")(c)
		c.Kubernetes.Clusters = []config.KubernetesCluster{cluster}
	})
	st, id := a.keys.store, finding.DetectorID(a.Config.Account, a.Config.Region)
	_, before := s.Ask(http.MethodGet, daemonSetPath, nil)
	stays := func(why string) {
		t.Helper()
		until(t, why, func() bool {
			list, err := st.Clusters(t.Context())
			c := store.ClusterOf(list, a.Config.Account, a.Config.Region, "prod")
			return err == nil && c != nil && c.LeftAlone() != "" && c.Fault == ""
		})
		if code, o := s.Ask(http.MethodGet, daemonSetPath, nil); code != http.StatusOK || o["metadata"].(map[string]any)["resourceVersion"] != before["metadata"].(map[string]any)["resourceVersion"] {
			t.Fatalf("%s: %d, the sensor was touched", why, code)
		}
	}
	stays("no detector ever was")
	if w, err := a.wishOf(t.Context()); err != nil || w != (wish{true, manage.Leave}) {
		t.Errorf("%+v %v", w, err)
	}
	if err := st.CreateDetector(t.Context(), finding.Detector{ID: id, Account: a.Config.Account, Region: a.Config.Region, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if w, err := a.wishOf(t.Context()); err != nil || w != (wish{true, manage.Leave}) {
		t.Errorf("a new detector decides: %+v %v", w, err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWishOfDetector: only who said so has sensors removed.
func TestWishOfDetector(t *testing.T) {
	unchosen := runtimeFeature(false, false)
	unchosen[0].Chosen = false
	for name, tc := range map[string]struct {
		d    finding.Detector
		want manage.Wish
	}{
		"new":                 {finding.Detector{Enabled: true}, manage.Leave},
		"defaults":            {finding.Detector{Enabled: true, Features: unchosen}, manage.Leave},
		"another plan chosen": {finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "S3_DATA_EVENTS", Chosen: true}}}, manage.Leave},
		"asks":                {finding.Detector{Enabled: true, Features: runtimeFeature(true, true)}, manage.Keep},
		"add-on off":          {finding.Detector{Enabled: true, Features: runtimeFeature(true, false)}, manage.Remove},
		"runtime off":         {finding.Detector{Enabled: true, Features: runtimeFeature(false, true)}, manage.Remove},
		"suspended":           {finding.Detector{Features: runtimeFeature(true, true)}, manage.Remove},
		"deleted":             {finding.Detector{Enabled: true, DeletedAt: time.Unix(1, 0), Features: runtimeFeature(true, true)}, manage.Remove},
	} {
		if got := wishOfDetector(&tc.d); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestServiceAccounts: who pushes with the token of a service account is known
// by the cluster that made it, and may bring that cluster's records.
func TestServiceAccounts(t *testing.T) {
	s, cluster := kubeCluster(t)
	other := cluster
	other.Name, other.Kubeconfig, other.AuthorityConfigMap, other.Sensor.Managed = "dev", s.Kubeconfig(s.Token), "", false
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Ingest.RequireToken = "always"
		c.Kubernetes.Clusters = []config.KubernetesCluster{cluster, other}
	})
	send := func(path, token, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.Addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	sensor := s.ServiceAccountToken("vedette", "vedette-sensor", "vedette/prod")
	shipper := s.ServiceAccountToken("vedette", "shipper", "vedette/prod")
	own := sensorLine("node-a", "run-a", 1, 1, nil)
	of := func(cluster, account string) string {
		return strings.Replace(own, `"node":{`, `"node":{"cluster":"`+cluster+`","account":"`+account+`",`, 1)
	}
	account, _ := s.Must(http.MethodGet, "/api/v1/namespaces/vedette/serviceaccounts/shipper", nil)["metadata"].(map[string]any)
	signed := func(ends time.Time, name string) string {
		return s.Sign(map[string]any{
			"iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:vedette:" + name, "aud": []string{"vedette/prod"}, "exp": ends.Unix(), "iat": ends.Add(-time.Hour).Unix(), "nbf": ends.Add(-time.Hour).Unix(),
			"kubernetes.io": map[string]any{"namespace": "vedette", "serviceaccount": map[string]any{"name": name, "uid": account["uid"]}},
		})
	}
	list := eventList(nil)
	trail := `{"Records":[{"eventVersion":"1.08","eventID":"e1","eventTime":"2026-01-01T00:00:00Z","eventSource":"iam.amazonaws.com","eventName":"ListUsers","awsRegion":"us-east-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser"}}]}`
	for _, tc := range []struct {
		what, path, token, body string
		status                  int
		says                    string
	}{
		{"the managed sensor", "/ingest/runtime", sensor, own, 200, ""},
		{"again, from memory", "/ingest/runtime", sensor, own, 200, ""},
		{"its cluster by name", "/ingest/runtime/prod", sensor, of("prod", "111122223333"), 200, ""},
		{"a pusher", "/ingest/k8s-audit/prod", shipper, list, 200, ""},
		{"signed by the cluster", "/ingest/k8s-audit/prod", signed(time.Now().Add(time.Minute), "shipper"), list, 200, ""},
		{"another cluster's path", "/ingest/k8s-audit/dev", shipper, list, 403, "may push records of the cluster prod, and no others"},
		{"a record of another cluster", "/ingest/runtime", sensor, own + "\n" + of("dev", ""), 403, "may push records of the cluster prod, and no others"},
		{"records of an account", "/ingest/cloudtrail", shipper, trail, 403, "no others"},
		{"the same in disguise", "/ingest/k8s-audit/prod", shipper, trail, 403, "no others"},
		{"Firehose", "/ingest/firehose", shipper, `{}`, 403, "delivers no streams of Firehose"},
		{"for the API server", "/ingest/k8s-audit/prod", s.ServiceAccountToken("vedette", "shipper"), list, 401, "the token is not valid"},
		{"for another cluster", "/ingest/k8s-audit/prod", s.ServiceAccountToken("vedette", "shipper", "vedette/dev"), list, 403, "may push records of the cluster dev, and no others"},
		{"a sensor that is not managed", "/ingest/runtime", s.ServiceAccountToken("vedette", "vedette-sensor", "vedette/dev"), own, 403, "is not among the pushers"},
		{"for a cluster that is not known", "/ingest/k8s-audit/x", s.ServiceAccountToken("vedette", "shipper", "vedette/x"), list, 401, "the token is not valid"},
		{"somebody else", "/ingest/k8s-audit/prod", s.ServiceAccountToken("vedette", "vedette-server", "vedette/prod"), list, 403, "system:serviceaccount:vedette:vedette-server may not push"},
		{"that ended", "/ingest/k8s-audit/prod", signed(time.Now().Add(-time.Minute), "shipper"), list, 401, "has ended"},
		{"changed on the way", "/ingest/k8s-audit/prod", shipper[:len(shipper)-8] + "AAAAAAAA", list, 401, "does not know the token"},
		{"nonsense", "/ingest/k8s-audit/prod", "a.b.c", list, 401, "the token is not valid"},
	} {
		if status, text := send(tc.path, tc.token, tc.body); status != tc.status || !strings.Contains(text, tc.says) {
			t.Errorf("%s: %d %s; want %d %s", tc.what, status, text, tc.status, tc.says)
		}
	}
	settle(t, a)
	sources, err := a.keys.store.Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range sources {
		if src.Cluster != "prod" || src.Account != a.Config.Account || src.Region != a.Config.Region {
			t.Errorf("something came of %+v", src.SourceKey)
		}
	}
	if len(sources) == 0 {
		t.Error("nothing came")
	}
}

// TestTokenReviews: what is asked of a cluster is bounded, whoever asks, and a
// cluster that does not answer has senders come again.
func TestTokenReviews(t *testing.T) {
	var asked atomic.Int64
	var broken atomic.Bool
	hold := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if broken.Load() {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		<-hold
		_, _ = io.WriteString(w, `{"status":{"authenticated":true,"audiences":["vedette/prod"],"user":{"username":"system:serviceaccount:a:b"}}}`)
	}))
	defer server.Close()
	a := reviewer(t, server)
	token := func(n string) string {
		return jwt(`{"aud":"vedette/prod","sub":"system:serviceaccount:a:b","exp":4102444800,"n":"` + n + `"}`)
	}
	check := func(from, token string) error {
		c, claims := a.find(token)
		if c == nil {
			t.Fatal("of no cluster")
		}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = from
		return a.check(r, c, claims, token)
	}
	var wg sync.WaitGroup
	for range 50 { // all sensors of a node pool start at once, with one token
		wg.Go(func() {
			if err := check("10.0.0.1:1", token("same")); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, "somebody asks", func() bool { return asked.Load() == 1 })
	close(hold)
	if wg.Wait(); asked.Load() != 1 {
		t.Errorf("%d questions about one token", asked.Load())
	}
	broken.Store(true)
	for i := range 3 {
		if err := check("10.0.0.2:1", token("away")); deniedAs(err) != http.StatusServiceUnavailable {
			t.Errorf("%d: %v", i, err)
		}
	}
	if asked.Load() != 4 {
		t.Errorf("a fault is remembered: %d", asked.Load())
	}
	broken.Store(false)
	if err := check("10.0.0.2:1", token("away")); err != nil {
		t.Error(err)
	}
	clock := newClock(time.Now())
	a.now = clock.now
	before, limited := asked.Load(), 0
	for i := range reviewsPerSenderAtOnce + 50 {
		if err := check("10.0.0.3:1", token("flood"+string(rune('a'+i%26))+strings.Repeat("x", i/26))); deniedAs(err) == http.StatusServiceUnavailable {
			limited++
		}
	}
	if n := asked.Load() - before; n != reviewsPerSenderAtOnce || limited != 50 {
		t.Errorf("one sender has the cluster asked %d times, %d are put off", n, limited)
	}
	if err := check("10.0.0.4:1", token("fresh")); err != nil {
		t.Errorf("and keeps another one out: %v", err)
	}
	if err := check("10.0.0.3:1", token("same")); err != nil {
		t.Errorf("and one that is known: %v", err)
	}
	clock.set(clock.now().Add(acceptedFor)) // what was accepted is asked about again
	for i := range 2 * reviewsPerClusterAtOnce {
		_ = check("10.0.1."+strconv.Itoa(i%200)+":1", token("many"+strconv.Itoa(i)))
	}
	if err := check("10.0.1.1:1", token("more")); deniedAs(err) != http.StatusServiceUnavailable {
		t.Errorf("the cluster is asked without end: %v", err)
	}
	before = asked.Load()
	if err := check("10.0.1.1:1", token("same")); err != nil || asked.Load() != before+1 {
		t.Errorf("one that was known is kept out: %v", err)
	}
}
