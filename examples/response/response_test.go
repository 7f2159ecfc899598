package response_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/testbed"
)

// manifests reads every document of a file; a key that stands twice is an error.
func manifests(t *testing.T, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var out []map[string]any
	for {
		var m map[string]any
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, m)
	}
}

// at follows a path of names and indexes into what YAML or JSON gave.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		ok := false
		switch p := p.(type) {
		case string:
			var m map[string]any
			if m, ok = v.(map[string]any); ok {
				v, ok = m[p]
			}
		case int:
			var l []any
			if l, ok = v.([]any); ok && p < len(l) {
				v = l[p]
			}
		}
		if !ok {
			t.Fatalf("there is no %v in %v", path, v)
		}
	}
	return v
}

func kind(t *testing.T, list []map[string]any, kind, name string) map[string]any {
	t.Helper()
	for _, m := range list {
		if m["kind"] == kind && at(t, m, "metadata", "name") == name {
			return m
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// In the workflow nothing but the last step applies, it comes after a
// suspension, and it has the very plan and code that were shown.
func TestTheWorkflowWaitsBeforeItActs(t *testing.T) {
	w := kind(t, manifests(t, "argo/workflow.yaml"), "WorkflowTemplate", "vedette-respond")
	byName := map[string]map[string]any{}
	for _, m := range at(t, w, "spec", "templates").([]any) {
		m := m.(map[string]any)
		byName[m["name"].(string)] = m
	}
	var order []string
	for _, group := range byName["respond"]["steps"].([]any) {
		group := group.([]any)
		if len(group) != 1 {
			t.Errorf("%d steps run side by side", len(group))
		}
		order = append(order, at(t, group[0], "template").(string))
	}
	if !slices.Equal(order, []string{"plan", "approve", "act"}) {
		t.Errorf("the steps are %v", order)
	}
	if _, ok := byName["approve"]["suspend"]; !ok {
		t.Error("approve does not suspend")
	}
	for name, m := range byName {
		c, ok := m["container"].(map[string]any)
		if !ok {
			continue
		}
		text := at(t, c, "args", 0).(string)
		if strings.Contains(text, "{{") {
			t.Errorf("%s: a parameter becomes text of a command: %s", name, text)
		}
		if strings.Contains(text, "respond.sh apply") != (name == "act") {
			t.Errorf("%s runs %s", name, text)
		}
	}
	parameters := at(t, byName["respond"], "steps", 2, 0, "arguments", "parameters")
	for i, name := range []string{"plan", "code"} {
		if at(t, parameters, i, "value") != "{{steps.plan.outputs.parameters."+name+"}}" {
			t.Errorf("act gets %v", parameters)
		}
	}
}

// What starts workflows can do only that, and what acts can do only what it says.
func TestRightsAreTheLeast(t *testing.T) {
	allows := func(m map[string]any) (out []string) {
		for _, rule := range m["rules"].([]any) {
			for _, r := range at(t, rule, "resources").([]any) {
				for _, v := range at(t, rule, "verbs").([]any) {
					out = append(out, r.(string)+":"+v.(string))
				}
			}
		}
		slices.Sort(out)
		return out
	}
	argo := manifests(t, "argo/workflow.yaml")
	for _, c := range []struct {
		m    map[string]any
		want string
	}{
		{kind(t, argo, "Role", "vedette-sensor"), "workflows:create"},
		{kind(t, argo, "Role", "vedette-workflow"), "workflowtaskresults:create workflowtaskresults:patch"},
		{kind(t, manifests(t, "kubernetes/responder.yaml"), "ClusterRole", "vedette-responder"), "networkpolicies:create networkpolicies:patch pods/eviction:create pods:get pods:patch"},
	} {
		if got := strings.Join(allows(c.m), " "); got != c.want {
			t.Errorf("%v allows %s", c.m["metadata"], got)
		}
	}
	sensor := kind(t, manifests(t, "argo/events.yaml"), "Sensor", "vedette")
	if at(t, sensor, "spec", "template", "serviceAccountName") != "vedette-sensor" {
		t.Error("the sensor has another account")
	}
	trigger := at(t, sensor, "spec", "triggers", 0, "template", "k8s")
	if at(t, trigger, "source", "resource", "spec", "workflowTemplateRef", "name") != "vedette-respond" ||
		!strings.Contains(at(t, trigger, "parameters", 0, "src", "dataTemplate").(string), "b64enc") {
		t.Errorf("the sensor starts %v", trigger)
	}
}

// state is what the state machine uses of the Amazon States Language.
type state struct {
	Type, Comment, Resource, Next, Default string
	Choices                                []struct {
		And  []json.RawMessage
		Next string
	}
	Parameters     json.RawMessage
	TimeoutSeconds int
	ResultPath     string
	Catch          []struct {
		ErrorEquals      []string
		ResultPath, Next string
	}
	Retry []struct {
		ErrorEquals                  []string
		IntervalSeconds, MaxAttempts int
		BackoffRate                  float64
	}
}

func (s *state) next() []string {
	out := []string{s.Next, s.Default}
	for _, c := range s.Choices {
		out = append(out, c.Next)
	}
	for _, c := range s.Catch {
		out = append(out, c.Next)
	}
	return slices.DeleteFunc(out, func(n string) bool { return n == "" })
}

// Every way to the eviction leads through the question and the answer yes.
func TestTheStateMachineAsksBeforeItActs(t *testing.T) {
	text, err := os.ReadFile("step-functions/state-machine.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Comment, QueryLanguage, StartAt string
		TimeoutSeconds                  int
		States                          map[string]*state
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	reach := func(without string) map[string]bool {
		seen := map[string]bool{}
		for queue := []string{m.StartAt}; len(queue) > 0; queue = queue[1:] {
			name := queue[0]
			if seen[name] || name == without {
				continue
			}
			if seen[name] = true; m.States[name] == nil {
				t.Fatalf("there is no state %s", name)
			}
			queue = append(queue, m.States[name].next()...)
		}
		return seen
	}
	if all := reach(""); len(all) != len(m.States) || !all["Evict"] {
		t.Errorf("of %v only %v are reached", slices.Sorted(maps.Keys(m.States)), all)
	}
	for _, name := range []string{"Fit", "Ask", "Approved"} {
		if reach(name)["Evict"] {
			t.Errorf("there is a way to the eviction past %s", name)
		}
	}
	if m.States["Approved"].Default != "NothingToDo" || m.States["Ask"].Catch[0].Next != "NothingToDo" || !strings.HasSuffix(m.States["Ask"].Resource, ".waitForTaskToken") {
		t.Error("no answer is taken for a yes")
	}
}

// AWS's language has a schema, which a validator knows.
func TestTheStateMachineIsValid(t *testing.T) {
	if testing.Short() {
		t.Skip("installing a validator takes seconds")
	}
	dir := testbed.NPM(t, "asl-validator@4.0.0")
	path, err := filepath.Abs("step-functions/state-machine.json")
	if err != nil {
		t.Fatal(err)
	}
	const script = `const r = require('asl-validator')(JSON.parse(require('fs').readFileSync(process.argv[1]))); if (!r.isValid) { console.log(JSON.stringify(r.errors)); process.exit(1) }`
	cmd := exec.CommandContext(t.Context(), "node", "-e", script, path)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The page and the folder name the same files, and the page's listing of the
// check is the receiver's code.
func TestThePageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/response.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, "_test.go") && !bytes.Contains(page, []byte("examples/response/"+path)) {
			t.Errorf("docs/response.md does not name %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsFuncSeq(string(page), func(r rune) bool { return strings.ContainsRune(" \n()`[]|:,", r) }) {
		if path, ok := strings.CutPrefix(strings.TrimPrefix(word, "../"), "examples/response/"); ok && path != "" {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("docs/response.md names what is not there: %v", err)
			}
		}
	}
	code, err := os.ReadFile("receiver/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, listing, _ := strings.Cut(string(page), "```go\n")
	listing, _, _ = strings.Cut(listing, "```")
	for line := range strings.Lines(listing) {
		if !strings.Contains(string(code), "\t"+line) {
			t.Errorf("the receiver has no line %q", line)
		}
	}
}
