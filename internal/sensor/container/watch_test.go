package container

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// podText is a Pod as the API server sends it.
func podText(name, podUID, version, more string) string {
	return fmt.Sprintf(`{"kind":"Pod","metadata":{"name":%q,"namespace":"shop","uid":%q,"resourceVersion":%q,"creationTimestamp":"2026-03-01T12:00:00Z","labels":{"pod-template-hash":"5c9f"},
"ownerReferences":[{"kind":"ReplicaSet","name":"web-5c9f","controller":true}]},"spec":{"serviceAccountName":"seller","volumes":[{"name":"sock","hostPath":{"path":"/run/docker.sock"}}]},
"status":{"podIP":"10.0.0.7","containerStatuses":[{"name":"app","image":"shop:2","imageID":"reg/shop@sha256:1f","containerID":"containerd://%s"}]}%s}`, name, podUID, version, idA, more)
}

func TestParsePod(t *testing.T) {
	info, err := parsePod([]byte(podText("web-1", uid, "7", "")))
	if err != nil {
		t.Fatal(err)
	}
	want := event.Pod{Name: "web-1", Namespace: "shop", UID: uid, ServiceAccount: "seller", OwnerKind: "Deployment", OwnerName: "web", Address: "10.0.0.7"}
	if diff := cmp.Diff(want, info.Pod); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
	if got := info.Containers[idA]; got != (ContainerInfo{"app", "shop:2", "reg/shop@sha256:1f"}) || info.HostPaths["/run/docker.sock"] != "sock" {
		t.Errorf("containers %v, volumes %v", info.Containers, info.HostPaths)
	}
	// A pod from a file on the node has another UID there.
	info, err = parsePod([]byte(`{"metadata":{"name":"etcd","uid":"` + uid + `","annotations":{"kubernetes.io/config.hash":"` + webUID + `"}}}`))
	if err != nil || info.Pod.UID != webUID {
		t.Errorf("pod %+v, %v", info, err)
	}
}

func TestWorkload(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	minute := made.Unix() / 60
	for _, c := range []struct{ kind, name, hash, wantKind, wantName string }{
		{"ReplicaSet", "web-5c9f", "5c9f", "Deployment", "web"},
		{"ReplicaSet", "web-5c9f", "", "ReplicaSet", "web-5c9f"},
		{"ReplicaSet", "web", "5c9f", "ReplicaSet", "web"},
		{"Job", fmt.Sprintf("backup-%d", minute), "", "CronJob", "backup"},
		{"Job", fmt.Sprintf("backup-%d", minute*60), "", "CronJob", "backup"},
		{"Job", "migrate-12345678", "", "Job", "migrate-12345678"},
		{"Job", "migrate", "", "Job", "migrate"},
		{"DaemonSet", "agent", "", "DaemonSet", "agent"},
		{"StatefulSet", "db", "", "StatefulSet", "db"},
	} {
		if kind, name := workload(c.kind, c.name, c.hash, made); kind != c.wantKind || name != c.wantName {
			t.Errorf("%s %s: %s %s, want %s %s", c.kind, c.name, kind, name, c.wantKind, c.wantName)
		}
	}
}

// apiServer speaks as much of the API as the watcher asks for.
type apiServer struct {
	mu      sync.Mutex
	lists   [][]string // pods of each list, the last one for ever
	watches chan []string
	asked   chan string
	status  int
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a.asked <- r.URL.Path + " " + q.Get("fieldSelector") + " " + q.Get("resourceVersion") + " " + r.Header.Get("Authorization")
	a.mu.Lock()
	status := a.status
	a.mu.Unlock()
	switch {
	case status != 0:
		http.Error(w, "no", status)
	case q.Get("watch") == "":
		a.mu.Lock()
		pods := a.lists[0]
		if len(a.lists) > 1 {
			a.lists = a.lists[1:]
		}
		a.mu.Unlock()
		fmt.Fprintf(w, `{"metadata":{"resourceVersion":"10"},"items":[%s]}`, strings.Join(pods, ","))
	default:
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select {
		case lines := <-a.watches:
			for _, l := range lines {
				io.WriteString(w, strings.ReplaceAll(l, "\n", " ")+"\n")
			}
		case <-r.Context().Done():
		}
	}
}

func change(kind, object string) string { return `{"type":"` + kind + `","object":` + object + `}` }

// eventually fails the test unless f holds soon.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

// TestInCluster: of a pod on IPv6 a watcher can be made; elsewhere there is none.
func TestInCluster(t *testing.T) {
	if api, ok := InCluster("node1", func(string) string { return "" }); ok {
		t.Errorf("outside of a cluster: %+v", api)
	}
	api, ok := InCluster("node1", func(name string) string {
		return map[string]string{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}[name]
	})
	const files = "/var/run/secrets/kubernetes.io/serviceaccount/"
	if want := (API{"https://[fd00::1]:443", files + "token", files + "ca.crt", "node1"}); !ok || api != want {
		t.Errorf("%v %+v", ok, api)
	}
	api.CAFile = "" // this machine has none
	if _, err := NewWatcher(api, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestWatch(t *testing.T) {
	api := &apiServer{lists: [][]string{{podText("web-1", uid, "5", "")}, {podText("web-1", uid, "40", "")}}, watches: make(chan []string), asked: make(chan string, 100)}
	server := httptest.NewServer(api)
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pods := NewPods(time.Now)
	w, err := NewWatcher(API{Server: server.URL, TokenFile: token, Node: "node1"}, pods, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	wantAsked := func(want string) {
		t.Helper()
		select {
		case got := <-api.asked:
			if got != want {
				t.Fatalf("asked %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nobody asked %q", want)
		}
	}
	wantAsked("/api/v1/pods spec.nodeName=node1  Bearer first")
	wantAsked("/api/v1/pods spec.nodeName=node1 10 Bearer first")
	eventually(t, "the listed pod", func() bool { return pods.Get(uid) != nil && pods.State() == nil })

	// A pod comes and goes within one watch, and is remembered. The watch goes
	// on from the bookmark, with the token that is in the file by then.
	if err := os.WriteFile(token, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := strings.Replace(uid, "0f8b", "aaaa", 1)
	api.watches <- []string{
		change("ADDED", podText("short", short, "20", "")), change("DELETED", podText("short", short, "21", "")),
		change("ADDED", `{"metadata":7}`), change("BOOKMARK", `{"kind":"Pod","metadata":{"resourceVersion":"33"}}`),
	}
	wantAsked("/api/v1/pods spec.nodeName=node1 33 Bearer second")
	if p := pods.Get(short); p == nil || p.Pod.Name != "short" {
		t.Fatalf("the short pod is %+v", p)
	}
	// The server has forgotten the version: list again.
	api.watches <- []string{change("ERROR", `{"code":410,"message":"too old resource version"}`)}
	wantAsked("/api/v1/pods spec.nodeName=node1  Bearer second")
	wantAsked("/api/v1/pods spec.nodeName=node1 10 Bearer second")

	// Without rights the cache says so, and keeps what it has.
	api.mu.Lock()
	api.status = http.StatusForbidden
	api.mu.Unlock()
	api.watches <- nil
	eventually(t, "the refusal", func() bool {
		err := pods.State()
		return err != nil && strings.Contains(err.Error(), "get, list and watch on pods")
	})
	if pods.Get(uid) == nil {
		t.Error("the refusal took a pod")
	}
}

func TestPodsAreBoundedAndForgotten(t *testing.T) {
	now := time.Unix(1e6, 0)
	p := NewPods(func() time.Time { return now })
	make := func(i int) *PodInfo {
		return &PodInfo{Pod: event.Pod{UID: fmt.Sprint("pod-", i)}, Containers: map[string]ContainerInfo{}}
	}
	p.put(make(0))
	p.end("pod-0")
	now = now.Add(keepEnded - time.Second)
	p.put(make(1))
	if p.Get("pod-0") == nil {
		t.Error("an ended pod was forgotten too early")
	}
	now = now.Add(2 * time.Second)
	p.keep(map[string]bool{"pod-1": true})
	if p.Get("pod-0") != nil || p.Get("pod-1") == nil {
		t.Error("an ended pod is remembered for too long, or a live one forgotten")
	}
	for i := range maxPods + 100 {
		p.put(make(i))
	}
	if len(p.byUID) != maxPods {
		t.Errorf("%d pods, at most %d", len(p.byUID), maxPods)
	}
	// A pod that has ended keeps the address it had.
	with := make(7)
	with.Pod.Address = "10.0.0.1"
	p.put(with)
	p.put(make(7))
	if got := p.Get("pod-7").Pod.Address; got != "10.0.0.1" {
		t.Errorf("address %q", got)
	}
}

func TestDescribeAddsWhatTheServerKnows(t *testing.T) {
	n := newNode(t)
	n.write("/run/containers/storage/overlay-containers/"+idA+"/userdata/config.json", crioConfig)
	pods := NewPods(time.Now)
	s := n.store(pods)
	c := s.Find("/kubepods/pod" + uid + "/crio-" + idA)
	if _, pod := s.Describe(c, false); pod.ServiceAccount != "" {
		t.Fatalf("pod %+v before the server has answered", pod)
	}
	info, err := parsePod([]byte(podText("web-1", uid, "7", "")))
	if err != nil {
		t.Fatal(err)
	}
	pods.put(info)
	container, pod := s.Describe(c, false)
	if pod.ServiceAccount != "seller" || pod.OwnerName != "web" || pod.Address != "10.0.0.7" || container.ImageID != "reg/shop@sha256:1f" {
		t.Errorf("pod %+v of container %+v", pod, container)
	}
	if want := []event.Bind{{Source: "/run/docker.sock", Target: "/run/docker.sock", Name: "sock"}}; cmp.Diff(want, container.Mounts) != "" {
		t.Errorf("mounts %+v", container.Mounts)
	}
	building, _ := s.Describe(c, true)
	if again, _ := s.Describe(c, false); !building.Build || again.Build || again != container {
		t.Error("a build leaves its mark on others, or descriptions are made anew for each record")
	}
}

func TestInstance(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "" {
			io.WriteString(w, "token")
		}
	})
	mux.HandleFunc("GET /latest/dynamic/instance-identity/document", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-aws-ec2-metadata-token") != "token" {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"accountId":"111122223333","instanceId":"i-0123456789abcdef0","region":"eu-central-1"}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	var node event.Node
	if err := Instance(t.Context(), server.URL, &node); err != nil {
		t.Fatal(err)
	}
	if want := (event.Node{InstanceID: "i-0123456789abcdef0", Account: "111122223333", Region: "eu-central-1"}); node != want {
		t.Errorf("node %+v", node)
	}
	server.Close()
	if err := Instance(t.Context(), server.URL, &node); err == nil {
		t.Error("no error without a service")
	}
}

func TestNode(t *testing.T) {
	var node event.Node
	err := parseNode([]byte(`{"metadata":{"labels":{"topology.kubernetes.io/region":"us-east-1"}},"spec":{"providerID":"aws:///us-east-1a/i-0aa"},
"status":{"addresses":[{"type":"Hostname","address":"n"},{"type":"InternalIP","address":"10.0.0.5"}]}}`), &node)
	if want := (event.Node{InstanceID: "i-0aa", Region: "us-east-1", Address: "10.0.0.5"}); err != nil || node != want {
		t.Errorf("node %+v, %v", node, err)
	}
}

func FuzzPod(f *testing.F) {
	f.Add([]byte(podText("web", uid, "1", "")))
	f.Add([]byte(`{"type":"ADDED","object":{"metadata":{"name":"a","uid":"b"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := parsePod(b)
		if (info == nil) == (err == nil) {
			t.Fatalf("%v and %v", info, err)
		}
		w := &Watcher{pods: NewPods(time.Now)}
		_, _ = w.change(b)
		var node event.Node
		if parseNode(b, &node) == nil && !json.Valid(b) {
			t.Fatalf("read a node from %q", b)
		}
		_ = parseIdentity(b, &node)
	})
}
