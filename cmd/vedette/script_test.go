package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// The command line is tested as scripts: testdata/script/*.txtar. In them
// `vedette` is this package's main in a process of its own.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vedette": main, "maxrss": maxrss})
}

func TestScripts(t *testing.T) {
	if raceDetector && testing.Short() {
		t.Skip("-short: with the race detector each line of a script takes seconds; internal/app runs the same servers with it")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", gorace)
			e.Setenv("HTTPS_PROXY", nobody)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "race" {
				return raceDetector, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "summary": summary, "learned": learned, "types": types, "every-type": everyType, "members": members, "yaml": validYAML, "interrupt": interrupt,
			"pack": pack, "binary": binaryFile, "longline": longLine, "longlist": longList, "audit": auditLine, "damage": damage, "authority": authority,
			"serve": serve, "stop-server": stopServer, "push": pushFile, "load-env": loadEnv, "signed": signed, "publish": publishFolder, "addresses": addresses, "follow": follow,
		},
	})
}

// gorace spares the second that a program with the race detector waits at its end.
const gorace = "atexit_sleep_ms=0"

// nobody is a proxy that is none: no server of a test asks publishers of feeds.
const nobody = "http://127.0.0.1:1"

// program is a program of the scripts' PATH in the script's folder.
func program(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(os.Environ(), "GORACE="+gorace, "HTTPS_PROXY="+nobody)
	return cmd
}

// exits runs a program and wants exactly this status: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// summary reads the last line of standard error as the accounting of a scan.
// It must have exactly the documented keys, the outcomes must add up, and the
// named ones must be as given; counts that are not named must be 0:
// summary records=3 evaluated=3 findings=1 reasons.seen_before=1
func summary(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSuffix(ts.ReadFile("stderr"), "\n")
	text = text[strings.LastIndexByte(text, '\n')+1:]
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		ts.Fatalf("the last line is no JSON object: %v\n%s", err, text)
	}
	n := func(key string) float64 { v, _ := got[key].(float64); return v }
	if n("records") != n("evaluated")+n("duplicate")+n("malformed")+n("dropped") {
		ts.Fatalf("the outcomes do not add up: %s", text)
	}
	if r, ok := got["reasons"].(map[string]any); ok {
		for k, v := range r {
			got["reasons."+k] = v
		}
		delete(got, "reasons")
	}
	want := map[string]string{}
	for _, k := range []string{"records", "evaluated", "duplicate", "malformed", "truncated", "late", "dropped", "findings"} {
		want[k] = "0"
	}
	for _, k := range []string{"bytes", "seconds"} { // they depend on the machine and the text
		if v, ok := got[k].(float64); !ok || v < 0 {
			ts.Fatalf("%s is missing: %s", k, text)
		}
		delete(got, k)
	}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		want[k] = v
	}
	for k, v := range want {
		if fmt.Sprint(got[k]) != v {
			ts.Fatalf("%s is %v, want %s: %s", k, got[k], v, text)
		}
		delete(got, k)
	}
	for k := range got {
		ts.Fatalf("%s is not expected: %s", k, text)
	}
}

// learned reads the last line of standard error as the accounting of learning;
// counts that are not named must be 0: learned records=3 learned=3
func learned(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSuffix(ts.ReadFile("stderr"), "\n")
	text = text[strings.LastIndexByte(text, '\n')+1:]
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		ts.Fatalf("the last line is no JSON object: %v\n%s", err, text)
	}
	want := map[string]string{"records": "0", "learned": "0", "duplicate": "0", "malformed": "0", "dropped": "0", "filesKnown": "0"}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		want[k] = v
	}
	for k, v := range want {
		if fmt.Sprint(got[k]) != v {
			ts.Fatalf("%s is %v, want %s: %s", k, got[k], v, text)
		}
	}
}

// everyType wants each type that can be simulated to be found in its records,
// alone, and all of them in those of --all.
func everyType(ts *testscript.TestScript, _ bool, _ []string) {
	vedette := func(stdin string, args ...string) string {
		cmd := program(ts, append([]string{"vedette"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		ts.Check(err)
		return string(out)
	}
	list := strings.Fields(vedette("", "simulate", "--list"))
	if len(list) < 10 {
		ts.Fatalf("only %v can be simulated", list)
	}
	wantAmong := func(jsonl string, want ...string) { // one act can be of several types
		got := typesOf(ts, jsonl)
		for _, t := range want {
			if !slices.Contains(got, t) {
				ts.Fatalf("findings of %v, and none of %s", got, t)
			}
		}
	}
	for _, t := range list {
		wantAmong(vedette(vedette("", "simulate", t), "scan", "-o", "jsonl", "-"), t)
	}
	wantAmong(vedette(vedette("", "simulate", "--all"), "scan", "-o", "jsonl", "-"), list...)
}

// types wants JSON lines on standard output, findings of exactly these types
// in any order.
func types(ts *testscript.TestScript, _ bool, want []string) {
	wantTypes(ts, ts.ReadFile("stdout"), want)
}

func wantTypes(ts *testscript.TestScript, jsonl string, want []string) {
	got := typesOf(ts, jsonl)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("findings of %v, want %v", got, want)
	}
}

// typesOf are the types of findings, in order.
func typesOf(ts *testscript.TestScript, jsonl string) (got []string) {
	for line := range strings.Lines(jsonl) {
		var f struct{ Type, ID, SchemaVersion string }
		if err := json.Unmarshal([]byte(line), &f); err != nil || len(f.ID) != 32 || f.SchemaVersion != "2.0" {
			ts.Fatalf("this is no finding (%v): %s", err, line)
		}
		got = append(got, f.Type)
	}
	slices.Sort(got)
	return got
}

// members wants a file to be a JSON array of objects that all have these
// members: members FILE MIN NAME…
func members(ts *testscript.TestScript, _ bool, args []string) {
	var list []map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &list); err != nil {
		ts.Fatalf("no JSON array of objects: %v", err)
	}
	if least, err := strconv.Atoi(args[1]); err != nil || len(list) < least {
		ts.Fatalf("%d elements, want %s", len(list), args[1])
	}
	for i, o := range list {
		for _, k := range args[2:] {
			if _, ok := o[k]; !ok {
				ts.Fatalf("element %d lacks %q: %v", i, k, o)
			}
		}
	}
}

// validYAML wants a file to be YAML, its first document with these values at
// the top: yaml FILE KEY=VALUE…
func validYAML(ts *testscript.TestScript, _ bool, args []string) {
	d := yaml.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var doc any
	ts.Check(d.Decode(&doc))
	for {
		var next any
		err := d.Decode(&next)
		if err == io.EOF {
			break
		}
		ts.Check(err)
	}
	top, ok := doc.(map[string]any)
	for _, a := range args[1:] {
		if k, v, _ := strings.Cut(a, "="); !ok || fmt.Sprint(top[k]) != v {
			ts.Fatalf("%s is %v, want %s", k, top[k], v)
		}
	}
}
