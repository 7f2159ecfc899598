package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
)

// auditRecord is a shell that a user opens in a pod of the system, as an API server logs it.
func auditRecord(user, pod string, at time.Time) string {
	record := map[string]any{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": fmt.Sprintf("%x", at.UnixNano()), "level": "Request", "stage": "ResponseStarted",
		"verb": "create", "requestURI": "/api/v1/namespaces/kube-system/pods/" + pod + "/exec?command=sh", "userAgent": user,
		"objectRef":      map[string]any{"resource": "pods", "namespace": "kube-system", "name": pod, "apiVersion": "v1", "subresource": "exec"},
		"responseStatus": map[string]any{"code": 101}, "user": map[string]any{"username": user, "groups": []string{user}, "extra": map[string]any{user: []string{user}}},
		"sourceIPs": []string{"203.0.113.7"}, "requestReceivedTimestamp": at.UTC().Format(time.RFC3339Nano), "stageTimestamp": at.UTC().Format(time.RFC3339Nano),
	}
	line, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return string(line) + "\n"
}

// strike makes a new finding.
func (s *server) strike(user, pod string) {
	s.t.Helper()
	s.push("/ingest/k8s-audit/prod", auditRecord(user, pod, time.Now()))
	s.settle()
}

// testHostile: an attacker names himself like code, and the pages of what he
// did show that and do nothing.
func testHostile(t *testing.T, s *server, chrome context.Context) {
	for i, name := range []string{
		`<script>pwned = 1</script>`, `"><img src=x onerror="pwned = 1">`, `</title><svg onload="pwned = 1">`, `javascript:pwned=1`, `{{.}}${pwned=1}`,
		"\u202egnp.exe\u2066", "\x1b[2J\x1b[31m\x07\x00", strings.Repeat("long ", 2000), strings.Repeat("unbroken", 1200),
	} {
		s.strike(name, fmt.Sprintf("pod-%d", i))
	}
	broken := strings.ReplaceAll(auditRecord("BROKEN", "pod-x", time.Now()), "BROKEN", "a\xff\xfe\xed\xa0\x80<script>pwned = 1</script>")
	s.push("/ingest/k8s-audit/prod", broken)
	s.settle()
	b := s.in(t, chrome, access.RoleAdmin)
	b.open("/console/findings?type=Execution:Kubernetes/ExecInKubeSystemPod")
	pages := append(b.rows(), "/console/", b.path(), "/console/entities", "/console/entities?kind=principal", "/console/audit", "/console/coverage")
	for i := 0; i < len(pages); i++ {
		b.open(pages[i])
		if b.is(`"pwned" in window || document.querySelector("main script, main img, [onerror], [onload], [onclick], [style]")`) {
			t.Errorf("a name did something on %s", pages[i])
		}
		if !b.is(`document.documentElement.scrollWidth <= innerWidth`) {
			t.Errorf("a name makes %s too wide", pages[i])
		}
		if i < 12 {
			var entities []string
			b.eval(`[...document.querySelectorAll("main a[href^='/console/entities/']")].slice(0, 3).map(a => a.getAttribute("href"))`, &entities)
			pages = append(pages, entities...)
		}
	}
	if len(b.dialogs) > 0 {
		t.Errorf("a name opened %q", b.dialogs)
	}
}
