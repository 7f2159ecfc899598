package app

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/kube"
)

// reviewer knows the cluster prod, whose API server is the given one.
func reviewer(t *testing.T, server *httptest.Server) *accounts {
	t.Helper()
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}], clusters: [{name: c, cluster: {server: "` + server.URL + `", certificate-authority-data: ` + ca + `}}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cluster{&config.KubernetesCluster{Name: "prod", Pushers: []string{"a/b"}}, kube.New(file, "")}
	return newAccounts([]*cluster{c}, time.Now, slog.New(slog.DiscardHandler), newClusterMetrics(prometheus.NewRegistry()))
}

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// deniedAs is what a sender is answered.
func deniedAs(err error) int {
	var denied *ingest.Denied
	if errors.As(err, &denied) {
		return denied.Status
	}
	return 0
}

// TestTokenMemory: what is remembered of tokens is bounded and ends.
func TestTokenMemory(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	a := reviewer(t, server)
	clock := newClock(time.Now())
	a.now = clock.now
	hash := func(n int) tokenHash { return sha256.Sum256([]byte(strconv.Itoa(n))) }
	known := func(n int) bool {
		a.mu.Lock()
		delete(a.asking, hash(n))
		a.mu.Unlock()
		ok, _, _, _ := a.recall(hash(n))
		return ok
	}
	a.accept(hash(1), clock.now().Add(time.Hour))
	a.accept(hash(2), clock.now().Add(time.Minute))
	a.refuse(hash(3), &ingest.Denied{Status: 401})
	for _, tc := range []struct {
		after time.Duration
		want  [3]bool
	}{{0, [3]bool{true, true, true}}, {30 * time.Second, [3]bool{true, true, false}}, {2 * time.Minute, [3]bool{true, false, false}}, {6 * time.Minute, [3]bool{}}} {
		clock.set(time.Now().Add(tc.after))
		if got := [3]bool{known(1), known(2), known(3)}; got != tc.want {
			t.Errorf("after %v: %v, want %v", tc.after, got, tc.want)
		}
	}
	for i := range maxAccepted + 100 {
		a.accept(hash(i), clock.now().Add(time.Hour))
	}
	for i := range maxRefused + 100 {
		a.refuse(hash(1_000_000+i), &ingest.Denied{Status: 401})
	}
	for i := range maxSenders + 100 {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = strconv.Itoa(i) + ":1"
		a.spend(r, a.clusters["vedette/prod"])
	}
	if len(a.good) > maxAccepted || len(a.bad) > maxRefused || len(a.senders) > maxSenders {
		t.Errorf("%d accepted, %d refused, %d senders", len(a.good), len(a.bad), len(a.senders))
	}
}

// TestUselessTokens cost the cluster nothing.
func TestUselessTokens(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the cluster is asked") }))
	defer server.Close()
	a := reviewer(t, server)
	for claims, want := range map[string]int{
		`{"aud":["vedette/prod"],"sub":"system:serviceaccount:a:b","exp":1}`:                         401,
		`{"aud":["vedette/prod"],"sub":"system:serviceaccount:a:b"}`:                                 401,
		`{"aud":["vedette/prod"],"sub":"system:serviceaccount:a:b","exp":1e300}`:                     401,
		`{"aud":["x","vedette/prod"],"sub":"system:serviceaccount:a:c","exp":4102444800}`:            403,
		`{"aud":"vedette/prod","sub":"` + strings.Repeat("x", 3000) + "\x1b" + `","exp":4102444800}`: 0,
	} {
		token := jwt(claims)
		c, parsed := a.find(token)
		if c == nil {
			if want != 0 {
				t.Errorf("%s is of no cluster", claims)
			}
			continue
		}
		err := a.check(httptest.NewRequest(http.MethodPost, "/", nil), c, parsed, token)
		if deniedAs(err) != want {
			t.Errorf("%s: %v", claims, err)
		}
	}
	for _, token := range []string{"", "a", "VDTAAAAA.secret", "..", "a..c", jwt(`[]`), jwt(`{"aud":{}}`), jwt(`{"aud":"vedette/dev"}`), "e30." + strings.Repeat("A", maxToken) + ".x"} {
		if c, _ := a.find(token); c != nil {
			t.Errorf("%.40q is of a cluster", token)
		}
	}
	var none *accounts
	if c, _ := none.find(jwt(`{"aud":"vedette/prod"}`)); c != nil {
		t.Error("a server without clusters knows one")
	}
}

func FuzzClaims(f *testing.F) {
	f.Add(jwt(`{"aud":["vedette/prod"],"sub":"system:serviceaccount:a:b","exp":4102444800}`))
	f.Add(jwt(`{"aud":"vedette/prod","exp":1e300}`))
	f.Fuzz(func(t *testing.T, token string) {
		c := readClaims(token)
		if c == nil {
			return
		}
		if _, err := json.Marshal(c.expires()); err != nil {
			t.Errorf("%q: %v", token, err)
		}
	})
}
