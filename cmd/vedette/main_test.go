package main

import (
	"bytes"
	"strings"
	"testing"
)

// An error repeats names that others chose. None of them drives the terminal,
// whatever command it comes from; an error of several lines keeps its lines.
func TestErrorsDriveNoTerminal(t *testing.T) {
	const hostile = "evil\x1b]0;owned\x07\u009b31m\u202e"
	for _, args := range [][]string{
		{hostile}, {"scan", hostile}, {"scan", "--" + hostile}, {"findings", "get", hostile, "--data-dir", t.TempDir()}, {"rules", "check", hostile},
		{"config", "check", hostile}, {"publish", "test", hostile}, {"evaluate", "--labels", hostile, hostile}, {"keys", "create", "--role", hostile},
		{"simulate", hostile}, {"intel", "lookup", "--config", hostile, "x"}, {"sensor", "--config", hostile},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, streams{strings.NewReader(""), &out, &errs}); code == exitOK {
			t.Errorf("%q: exit 0", args)
		}
		if text := out.String() + errs.String(); strings.ContainsAny(text, "\x1b\x07\u009b\u202e") || !strings.Contains(text, "vedette: ") {
			t.Errorf("%q: %q", args, text)
		}
	}
	var errs bytes.Buffer
	run(t.Context(), []string{"config", "check", "testdata/none-such\nand another line"}, streams{strings.NewReader(""), &bytes.Buffer{}, &errs})
	if !strings.Contains(errs.String(), "\nand another line") {
		t.Errorf("the lines are lost: %q", errs.String())
	}
}
