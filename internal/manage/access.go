package manage

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

//go:embed access.yaml
var accessText string

// Access is what a server must be allowed to keep the sensor of a cluster.
type Access struct {
	Namespace, Name string // of the sensor
	Cluster         string // what findings call it
	// ServerNamespace and ServerName are the service account that the server
	// acts as; with Own it is made, with a token that does not end.
	ServerNamespace, ServerName string
	Own                         bool
	// AuthorityNamespace and AuthorityName are of the ConfigMap for the
	// authority of the server's certificate; "" is none.
	AuthorityNamespace, AuthorityName string
}

// Role is what the roles of the server are called.
func (a *Access) Role() string { return a.Name + "-manage" }

// Manifest prints the objects that give a server these rights.
func (a *Access) Manifest(w io.Writer) error {
	t, err := parse(sensorText, accessText)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "access", a)
}

// Kubeconfig is the file with which a server of Vedette reaches a cluster. The
// secret is that of the server's service account, in JSON or YAML, as kubectl
// prints it; it holds the token and the cluster's authority.
func Kubeconfig(cluster, apiServer string, secret []byte) ([]byte, error) {
	var s struct {
		Kind string            `yaml:"kind"`
		Type string            `yaml:"type"`
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(secret, &s); err != nil {
		return nil, fmt.Errorf("it is no Secret in JSON or YAML: %w", err)
	}
	token, err := base64.StdEncoding.DecodeString(s.Data["token"])
	switch {
	case s.Kind != "Secret" || s.Type != "kubernetes.io/service-account-token":
		return nil, errors.New("it is no Secret of type kubernetes.io/service-account-token")
	case err != nil:
		return nil, errors.New("its token is not base64")
	case len(token) == 0 || s.Data["ca.crt"] == "":
		return nil, errors.New("it holds no token yet; the cluster fills it in within seconds, read it again")
	}
	named := func(kind string, v map[string]any) []any { return []any{map[string]any{"name": cluster, kind: v}} }
	return yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": cluster,
		"clusters": named("cluster", map[string]any{"server": apiServer, "certificate-authority-data": s.Data["ca.crt"]}),
		"users":    named("user", map[string]any{"token": string(token)}),
		"contexts": named("context", map[string]any{"cluster": cluster, "user": cluster}),
	})
}
