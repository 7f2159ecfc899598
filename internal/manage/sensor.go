package manage

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed sensor.yaml
var sensorText string

// Sensor is the runtime sensor of a cluster, as its manifests say it. Values
// were checked where they came from.
type Sensor struct {
	Namespace, Name  string
	Cluster          string // what findings call it
	Image            string
	PullPolicy       string // "" is the cluster's default
	PullSecrets      []string
	Server           string // URL
	Args             []string
	NodeSelector     map[string]string
	Priority         string
	Requests, Limits map[string]string
	// Audience is that of the service account's token by which the sensor is
	// known. Without one it shows Token, an access key's.
	Audience string
	Token    string
	// CA is the authority of the server's certificate, PEM; empty is whom the
	// image trusts.
	CA []byte
}

// page is what the text asks for.
type page struct {
	*Sensor
	Token, CA string // base64
	Projected bool
}

func (s *Sensor) page() page {
	return page{s, base64.StdEncoding.EncodeToString([]byte(s.Token)), base64.StdEncoding.EncodeToString(s.CA), s.Audience != ""}
}

// Manifest prints all that runs the sensor with a token of its own.
func (s *Sensor) Manifest(w io.Writer) error { return s.print(w, "manifest") }

func (s *Sensor) print(w io.Writer, part string) error {
	t, err := parse(sensorText)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, part, s.page())
}

func parse(texts ...string) (*template.Template, error) {
	t := template.New("manifests").Funcs(template.FuncMap{"json": inJSON, "text": inYAML, "flow": inFlow})
	for _, text := range texts {
		if _, err := t.Parse(text); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func inJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9/._:=@-]*[A-Za-z0-9/._=@-]$`)

// inYAML is a text as YAML reads it back: bare where that is safe.
func inYAML(s string) (string, error) {
	var v any
	if plainText.MatchString(s) && yaml.Unmarshal([]byte("- "+s), &v) == nil {
		if list, ok := v.([]any); ok && len(list) == 1 && list[0] == s {
			return s, nil
		}
	}
	return inJSON(s)
}

// inFlow is a mapping on one line.
func inFlow(m map[string]string) (string, error) {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, err := inYAML(m[k])
		if err != nil {
			return "", err
		}
		parts = append(parts, k+": "+v)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// object is one of Kubernetes.
type object map[string]any

// daemonSet is the sensor's, as it is to be applied.
func (s *Sensor) daemonSet() (object, error) {
	var b bytes.Buffer
	if err := s.print(&b, "daemonset"); err != nil {
		return nil, err
	}
	var o map[string]any // not object: what is in it would be of that type, too
	if err := yaml.Unmarshal(b.Bytes(), &o); err != nil {
		return nil, fmt.Errorf("the DaemonSet of the sensor: %w", err)
	}
	return o, nil
}

// configMap holds the authority that the sensor trusts.
func (s *Sensor) configMap() object {
	return object{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": s.Name, "namespace": s.Namespace},
		"data":     map[string]any{authorityKey: string(s.CA)},
	}
}

// authorityKey is that of a ConfigMap with an authority.
const authorityKey = "ca.crt"
