package api_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/testbed"
)

// javascriptSDK is the client that the table of operations was made from.
const javascriptSDK = "@aws-sdk/client-guardduty@3.1169.0"

// jsAnswer is a line that testdata/every-operation.mjs prints.
type jsAnswer struct {
	Name, Error, Message string
	Status               int
	Typed                bool
	Finding, Detector    string // kinds of values
	Process, Feature     bool   // whether they are dates
}

// Every operation is called with the JavaScript SDK, which has all that there are.
func TestEveryOperationThroughTheJavaScriptSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("installing the JavaScript SDK takes seconds")
	}
	dir := installJavaScript(t)
	s := newService(t)
	s.enable()
	args := []string{"every-operation.mjs"}
	for _, row := range table(t) {
		if row.name != "DeleteDetector" { // the last one
			args = append(args, row.name)
		}
	}
	answers := s.javascript(t, dir, args...)
	answers = append(answers, s.javascript(t, dir, "every-operation.mjs", "DeleteDetector")...)
	rows, called := map[string]bool{}, map[string]bool{}
	for _, row := range table(t) {
		rows[row.name] = true
	}
	for _, a := range answers {
		switch {
		case a.Name == "times":
			if a.Finding != "string" || a.Detector != "string" || !a.Process || !a.Feature {
				t.Errorf("times are read as %+v", a)
			}
			continue
		case a.Error == "NotInTheTable":
			if !rows[a.Name] {
				t.Errorf("%s: %s", a.Name, a.Message)
			}
			continue
		case a.Error == "" && a.Status >= 200 && a.Status <= 299:
		case !a.Typed || a.Message == "" || a.Status != 400 && a.Status != 404 || !strings.HasSuffix(a.Error, "Exception") || a.Error == "UnknownOperationException":
			t.Errorf("%s: the SDK says %q (%d): %s", a.Name, a.Error, a.Status, a.Message)
		}
		called[a.Name] = true
	}
	for name := range rows {
		if !called[name] {
			t.Errorf("%s was not called", name)
		}
	}
}

// installJavaScript installs the SDK into a folder of the test's own.
func installJavaScript(t *testing.T) string {
	t.Helper()
	dir := testbed.NPM(t, javascriptSDK)
	script, err := os.ReadFile(filepath.Join("testdata", "every-operation.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "every-operation.mjs"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// javascript runs a script with an admin's key and reads its lines.
func (s *service) javascript(t *testing.T, dir string, args ...string) []jsAnswer {
	t.Helper()
	k := s.keys[access.RoleAdmin]
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret,
		"AWS_REGION=" + region, "AWS_EC2_METADATA_DISABLED=true", "ENDPOINT=" + s.url, "DETECTOR=" + detectorID(), "ACCOUNT=" + account,
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", args[0], err, stderr.String())
	}
	var list []jsAnswer
	for line := range strings.Lines(string(out)) {
		var a jsAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		list = append(list, a)
	}
	return list
}
