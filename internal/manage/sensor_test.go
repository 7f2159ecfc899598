package manage

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// TestOneSensor: the sensor that people apply by hand is the managed one, but
// for how it is known.
func TestOneSensor(t *testing.T) {
	byHand := Sensor{
		Namespace: "vedette", Name: "vedette-sensor", Cluster: "prod", Image: "v", Server: "https://v:8700", Priority: "p", Token: "secret",
		Requests: map[string]string{"cpu": "50m"}, Limits: map[string]string{"memory": "256Mi"}, CA: []byte("ca"),
	}
	managed := byHand
	managed.Token, managed.Audience = "", "vedette/prod"
	one, err := managed.daemonSet()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := byHand.Manifest(&b); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	var other map[string]any
	for dec := yaml.NewDecoder(&b); ; {
		var o map[string]any
		err := dec.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kinds = append(kinds, o["kind"].(string)); o["kind"] == "DaemonSet" {
			other = o
		}
	}
	if d := cmp.Diff([]string{"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret", "DaemonSet"}, kinds); d != "" {
		t.Error(d)
	}
	text := func(o map[string]any) string {
		b, _ := json.Marshal(o)
		s := string(b)
		for _, differ := range []string{
			`"--token-file=/etc/vedette/token"`, `"--token-file=/var/run/secrets/vedette/token"`, `,{"mountPath":"/var/run/secrets/vedette","name":"token","readOnly":true}`,
			`{"name":"server","secret":{"secretName":"vedette-sensor"}}`, `{"configMap":{"name":"vedette-sensor"},"name":"server"}`,
			`,{"name":"token","projected":{"sources":[{"serviceAccountToken":{"audience":"vedette/prod","expirationSeconds":3600,"path":"token"}}]}}`,
		} {
			s = strings.Replace(s, differ, "", 1)
		}
		return s
	}
	if d := cmp.Diff(text(other), text(one)); d != "" {
		t.Error(d)
	}
}

// TestYAML: a text is read back as it was, whatever is in it.
func TestYAML(t *testing.T) {
	for _, s := range []string{"a", "registry.internal/vedette:1.0", "a: b", "true", "1", "1.0", "null", "~", "#a", "- a", `"`, "'", "{}", "a\nb", "", "1e3", "0x1", "a #b", "*a", "&a", "https://[::1]:8700", "--x=y z", "a:", "@a", "äö", "2001-01-01", "yes"} {
		text, err := inYAML(s)
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ X, Y any }
		if err := yaml.Unmarshal([]byte("x: "+text+" # c\ny: {a: "+text+", b: c}\n"), &v); err != nil || v.X != s {
			t.Errorf("%q is written %s and read %v %v", s, text, v.X, err)
		}
		if m, _ := v.Y.(map[string]any); m["a"] != s || m["b"] != "c" {
			t.Errorf("%q in a flow: %v", s, v.Y)
		}
	}
}

func TestOldKernel(t *testing.T) {
	for version, old := range map[string]bool{
		"5.4.0-150-generic": true, "4.18.0-553.el8.x86_64": true, "5.7": true, "5.8.0": false, "5.10.233-224.894.amzn2.x86_64": false, "6.1": false, "10.0.20348.1": false, "": false, "linux": false, "5.": false, "5.x": false,
	} {
		if oldKernel(version) != old {
			t.Errorf("%q: old %v", version, !old)
		}
	}
}

// FuzzObjects: whatever an API server says, it is told in bounded lines.
func FuzzObjects(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a"},"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff","message":"x"}},"lastState":{"terminated":{"exitCode":1,"message":"m"}}}],"conditions":[{"type":"PodScheduled","status":"False","message":"m"}]}}`))
	f.Add([]byte(`{"metadata":{"name":"n","labels":{"a":"b"}},"status":{"nodeInfo":{"operatingSystem":"linux","kernelVersion":"5.4.0"},"conditions":[{"type":"Ready","status":"True"}]}}`))
	f.Add([]byte(`{"metadata":{"uid":"u","managedFields":[{"manager":"x","fieldsV1":{"f:spec":{"f:template":{}}}}]},"spec":{"a":[1,{"b":"c"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		check := func(s string) {
			if len(s) > 3*maxText+1000 || strings.ContainsAny(s, "\n\x00\x1b") {
				t.Errorf("%q", s)
			}
		}
		_ = each(func(p *pod) error {
			p.Metadata.Name = "p"
			check(p.trouble(warning{}, time.Unix(0, 0)))
			p.node()
			return nil
		})(raw)
		_ = each(func(n *node) error { check(n.excluded(map[string]string{"a": "b"})); n.ready(); return nil })(raw)
		_ = each(func(e *warningEvent) error { e.time(); return nil })(raw)
		_ = each(func(l *live) error {
			changedByOthers(l)
			if l.Spec != nil && !within(l.Spec, l.Spec) {
				t.Errorf("%s is not within itself", raw)
			}
			return nil
		})(raw)
	})
}

func FuzzKubeconfigOfSecret(f *testing.F) {
	f.Add([]byte(`{"kind":"Secret","type":"kubernetes.io/service-account-token","data":{"token":"YWJj","ca.crt":"Y2E="}}`))
	f.Fuzz(func(t *testing.T, secret []byte) {
		out, err := Kubeconfig("prod", "https://h", secret)
		var v map[string]any
		if err == nil && yaml.Unmarshal(out, &v) != nil {
			t.Errorf("%s", out)
		}
	})
}

// TestSetFlags: what the pods are given by this server is what the configuration
// refuses as one more argument.
func TestSetFlags(t *testing.T) {
	o, err := (&Sensor{Namespace: "n", Name: "s", Cluster: "prod", Image: "v", Server: "https://v:8700", Priority: "p", Audience: "a", CA: []byte("ca")}).daemonSet()
	if err != nil {
		t.Fatal(err)
	}
	args, _ := dig(map[string]any(o), "spec", "template", "spec", "containers", 0, "args").([]any)
	want := map[string]bool{"--node": true, "--stdout": true} // by the environment; and what would send nothing
	for _, a := range args[1:] {
		name, _, _ := strings.Cut(a.(string), "=")
		want[name] = true
	}
	for _, name := range setting.Set() {
		if !want[name] {
			t.Errorf("%s is refused, and is not set", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is set, and is not refused", name)
	}
}
