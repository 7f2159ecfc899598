package console

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
)

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"x{,}\"","b":[1,{}],"c":[]}`: "{\n  \"a\": \"x{,}\\\"\",\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}",
		`{"a":{"b":"cut of`:                "{\n  \"a\": {\n    \"b\": \"cut of",
		`7 111122223333 eni-1 10.0.0.1`:    `7 111122223333 eni-1 10.0.0.1`,
		"":                                 "",
	} {
		if got := readable(in); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", in, got, want)
		}
	}
}

// FuzzReadable: whatever a record is, nothing of it goes, and JSON stays the
// same JSON.
func FuzzReadable(f *testing.F) {
	f.Add(`{"a": ["x", {"y": "\\\""}], "b": 1}`)
	f.Add(`{"cut": "`)
	f.Add("not JSON at all")
	f.Add("]}{[")
	f.Fuzz(func(t *testing.T, raw string) {
		text := readable(raw)
		if json.Valid([]byte(raw)) && strings.HasPrefix(strings.TrimSpace(raw), "{") {
			var was, is bytes.Buffer
			if json.Compact(&was, []byte(raw)) != nil || json.Compact(&is, []byte(text)) != nil || was.String() != is.String() {
				t.Errorf("%q became %q", raw, text)
			}
		}
		var all strings.Builder
		for _, p := range marked(text, []string{"x", raw, "cut", "", "1"}) {
			all.WriteString(p.Text)
		}
		if all.String() != text {
			t.Errorf("marking changed %q to %q", text, all.String())
		}
	})
}

func TestMarked(t *testing.T) {
	got := ""
	for _, p := range marked(`{"eve": "eve", "user": "evelyn or system:eve", "ip": "10.0.0.1", "port": 10}`, []string{"eve", "10.0.0.1", "system:eve"}) {
		if p.Mark {
			got += "[" + p.Text + "]"
		} else {
			got += p.Text
		}
	}
	if want := `{"eve": "[eve]", "user": "evelyn or [system:eve]", "ip": "[10.0.0.1]", "port": 10}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestQuote: a real shell takes every name as one word, as it is.
func TestQuote(t *testing.T) {
	for _, name := range []string{"plain-name_1", "a b", "$(reboot)", "`id`", "it's", `\`, `"`, "a;b|c&d>e<f", "*", "~", "!x", "#", "\u00e9", "", "-rf"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(name)).Output()
		if name == "-rf" { // of which printf has no say; put leaves such out
			out, err = exec.CommandContext(t.Context(), "sh", "-c", "printf %s --as="+quote(name)).Output()
			out = bytes.TrimPrefix(out, []byte("--as="))
		}
		if err != nil || string(out) != name {
			t.Errorf("%q came out as %q, %v", name, out, err)
		}
	}
}

// TestCommands: names stand in commands as one word, and those that could be
// taken for options, or that nobody can see, in none.
func TestCommands(t *testing.T) {
	pod := func(name, user string) *finding.Finding {
		return &finding.Finding{Region: "eu-west-1", Service: &finding.Service{}, Resource: &finding.Resource{KubernetesDetails: &finding.KubernetesDetails{
			KubernetesUserDetails:     &finding.KubernetesUserDetails{Username: user},
			KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: name, Type: "pods", Namespace: "shop"},
		}}}
	}
	text := func(f *finding.Finding) (all string) {
		for _, c := range commandsOf(f) {
			all += c.Text + "\n"
		}
		return all
	}
	got := text(pod("web; reboot", "eve's $HOME"))
	for _, want := range []string{"kubectl delete pods 'web; reboot' --namespace=shop", `kubectl auth can-i --list --as='eve'\''s $HOME'`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if got := text(pod("--all", "-x")); got != "kubectl auth can-i --list --as=-x\n" {
		t.Errorf("options in names: %q", got)
	}
	if got := text(pod("a\u202eb", "a\nb")); got != "" {
		t.Errorf("unseen characters in names: %q", got)
	}
}

func TestEntityAddress(t *testing.T) {
	for _, e := range []entity{{"pod", "shop/web-0"}, {"principal", "arn:aws:sts::1:assumed-role/a/b"}, {"user", `a b?c#d%2F"<`}, {"domain", "é.example"}} {
		if !e.Known() || strings.ContainsAny(e.Href(), "?#\"< ") {
			t.Errorf("%v leads to %s", e, e.Href())
		}
	}
	if (entity{"planet", "x"}).Known() || (entity{"pod", ""}).Known() || (entity{"pod", "web-0"}).namedBy() != nil {
		t.Error("there are pages of what is no entity")
	}
}
