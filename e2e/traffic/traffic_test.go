package traffic

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestManifestsParse(t *testing.T) {
	text := platformManifest + strings.ReplaceAll(teamManifest, "TEAM", "team-00") + application("team-00", "svc-0", "1.0.0", 2)
	docs := 0
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		docs++
		var object struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil || object.Kind == "" {
			t.Errorf("not an object (%v):\n%s", err, doc)
		}
	}
	if docs < 15 {
		t.Errorf("only %d documents; a separator is broken", docs)
	}
	if got := len(platformDaemonSets()); got != 5 {
		t.Errorf("%d daemon sets, want 5", got)
	}
	if got := strings.Count(namespaces(text), "kind: Namespace"); got != 3 {
		t.Errorf("%d namespaces, want 3", got)
	}
}

func TestNodeNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for i := range 1000 {
		name, ip := nodeName(i)
		if seen[name] || seen[ip] {
			t.Fatalf("node %d has the name or address of another: %s %s", i, name, ip)
		}
		seen[name], seen[ip] = true, true
	}
}
