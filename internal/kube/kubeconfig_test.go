package kube

import (
	"strings"
	"testing"
)

func TestKubeconfigFaults(t *testing.T) {
	const contexts, clusters = `contexts: [{name: a, context: {cluster: c, user: u}}]`, `clusters: [{name: c, cluster: {server: "https://h:6443"}}]`
	for in, want := range map[string]string{
		`[`:                                      "not a kubeconfig file",
		`{}`:                                     "no current-context",
		`{current-context: b, ` + contexts + `}`: `no context "b"`,
		`{current-context: a, ` + contexts + `}`: `no cluster "c"`,
		`{current-context: a, ` + contexts + `, clusters: [{name: c, cluster: {server: "http://h"}}]}`:                                   "is not the https URL",
		`{current-context: a, ` + contexts + `, clusters: [{name: c, cluster: {server: "https://h", insecure-skip-tls-verify: true}}]}`:  "insecure-skip-tls-verify",
		`{current-context: a, ` + contexts + `, clusters: [{name: c, cluster: {server: "https://h", certificate-authority-data: "&"}}]}`: "certificate-authority-data is not base64",
		`{current-context: a, ` + contexts + `, ` + clusters + `}`:                                                                       `no user "u"`,
		`{current-context: a, ` + contexts + `, ` + clusters + `, users: [{name: u, user: {exec: {command: aws}}}]}`:                     "from a program (exec, auth-provider), and none is run here",
		`{current-context: a, ` + contexts + `, ` + clusters + `, users: [{name: u, user: {username: x, password: y}}]}`:                 "has a password",
		`{current-context: a, ` + contexts + `, ` + clusters + `, users: [{name: u, user: {token: x, as: y}}]}`:                          "acts as another",
		`{current-context: a, ` + contexts + `, ` + clusters + `, users: [{name: u, user: {client-certificate: x}}]}`:                    "belong together",
		`{current-context: a, ` + contexts + `, ` + clusters + `, users: [{name: u, user: {}}]}`:                                         "neither a token nor",
	} {
		if _, err := readKubeconfig([]byte(in), "/etc", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gives %v\n want %s", in, err, want)
		}
	}
	p, err := readKubeconfig([]byte(`{current-context: b, `+contexts+`, `+clusters+`, users: [{name: u, user: {tokenFile: t, client-certificate: /c, client-key: k}}]}`), "/etc", "a")
	if err != nil || p.tokenFile != "/etc/t" || p.certFile != "/c" || p.keyFile != "/etc/k" || p.server != "https://h:6443" {
		t.Errorf("%+v %v", p, err)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"a\n b\x00\x1b[31m": "a b [31m", "": "", "\xff": "?", "äöü": "äö…"} {
		if got := Plain(in, 12); in != "äöü" && got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := Plain("äöü", 5); got != "äö…" {
		t.Errorf("%q", got)
	}
}

func FuzzKubeconfig(f *testing.F) {
	f.Add([]byte(`{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: "https://h:6443"}}], users: [{name: u, user: {token: t}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := readKubeconfig(text, "/etc", "")
		if err == nil && !strings.HasPrefix(strings.ToLower(p.server), "https://") {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(`{"kind":"Status","reason":"Forbidden","message":"no\nway"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		reason, message := readStatus(text)
		if len(reason) > 60 || len(message) > maxMessage+10 || strings.ContainsAny(reason+message, "\n\r\x00\x1b") {
			t.Errorf("%q %q", reason, message)
		}
	})
}
