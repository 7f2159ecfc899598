package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The notes after an install hold for every set of values: the objects they name
// are there, and the commands they show are commands.
func TestNotes(t *testing.T) {
	vedette := program()
	pod := regexp.MustCompile(`-n (\S+) exec (\S+) -- (vedette [^|>)\n]*)`)
	object := regexp.MustCompile(`-n (\S+) (?:rollout status|get|port-forward) (?:(\w+)/|(svc|configmap|pods) ?)(\S*)`)
	for name, file := range valueSets(t) {
		out, err := runHelm(t.Context(), root(t), "install", "vedette", chartPath, "--namespace", "vedette", "--dry-run=client", "--values", file)
		if err != nil {
			t.Fatal(err)
		}
		text, notes, ok := strings.Cut(string(out), "NOTES:\n")
		if !ok {
			t.Fatalf("%s: there are no notes in\n%s", name, out)
		}
		if strings.HasPrefix(name, "agents") {
			continue // nothing to type
		}
		_, text, _ = strings.Cut(text, "MANIFEST:\n")
		all := parse(t, []byte(text))
		there := func(kind, namespace, name string) bool {
			return slices.ContainsFunc(all, func(m manifest) bool {
				return strings.EqualFold(m.kind(), kind) && m.namespace() == namespace && m.name() == name
			})
		}
		commands := 0
		notes = strings.ReplaceAll(notes, "\\\n", " ")
		address := regexp.MustCompile(`\$\(kubectl [^)]*\)`)
		for _, m := range pod.FindAllStringSubmatch(address.ReplaceAllString(notes, "127.0.0.1"), -1) {
			commands++
			kind, target, ok := strings.Cut(m[2], "/")
			if !ok {
				kind, target = "StatefulSet", strings.TrimSuffix(m[2], "-0")
			} else if kind == "deploy" {
				kind = "Deployment"
			}
			if !there(kind, m[1], target) {
				t.Errorf("%s: the notes run a command in %s, which is not there", name, m[0])
			}
			// Help does nothing, but a word or a flag that is not known is an error.
			args := append(strings.Fields(m[3])[1:], "--help")
			if out, err := exec.CommandContext(t.Context(), vedette, args...).CombinedOutput(); err != nil {
				t.Errorf("%s: the notes say %s: %s", name, m[3], out)
			}
		}
		for _, m := range object.FindAllStringSubmatch(notes, -1) {
			kind := map[string]string{"svc": "Service", "configmap": "ConfigMap", "statefulset": "StatefulSet", "deploy": "Deployment", "daemonset": "DaemonSet"}[m[2]+m[3]]
			if kind != "" && !there(kind, m[1], m[4]) {
				t.Errorf("%s: the notes say %s, which is not there", name, m[0])
			}
		}
		if commands < 3 {
			t.Errorf("%s: only %d commands in the notes:\n%s", name, commands, notes)
		}
	}
}
