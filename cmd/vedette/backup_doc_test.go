package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// TestBackupDocInKubernetes: a real API server takes the manifests of
// docs/backup.md as they are there, with every field known to it.
func TestBackupDocInKubernetes(t *testing.T) {
	text, err := os.ReadFile("../../docs/backup.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)(?:```yaml|<<'END')\n(.*?)(?:```|END)\n").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d manifests in docs/backup.md", len(blocks))
	}
	api := testbed.StartKubeAPI(t)
	api.Namespace("vedette")
	for _, b := range blocks {
		cmd := api.Kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-")
		cmd.Stdin = strings.NewReader(b[1])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, b[1])
		} else {
			t.Logf("%s", out)
		}
	}
}
