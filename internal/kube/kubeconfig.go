package kube

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// place is how an API server is reached, as a kubeconfig file or a pod's
// environment says. Of data and file, data counts.
type place struct {
	server, serverName, proxy  string
	ca, cert, key              []byte
	caFile, certFile, keyFile  string
	token, tokenFile, describe string
}

// kubeconfig is the part of such a file that is read. What changes the way to
// the server, and is not understood here, is refused rather than left out.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Clusters       []struct {
		Name    string `yaml:"name"`
		Cluster struct {
			Server        string `yaml:"server"`
			TLSServerName string `yaml:"tls-server-name"`
			Insecure      bool   `yaml:"insecure-skip-tls-verify"`
			CA            string `yaml:"certificate-authority"`
			CAData        string `yaml:"certificate-authority-data"`
			ProxyURL      string `yaml:"proxy-url"`
		} `yaml:"cluster"`
	} `yaml:"clusters"`
	Contexts []struct {
		Name    string `yaml:"name"`
		Context struct {
			Cluster string `yaml:"cluster"`
			User    string `yaml:"user"`
		} `yaml:"context"`
	} `yaml:"contexts"`
	Users []struct {
		Name string         `yaml:"name"`
		User kubeconfigUser `yaml:"user"`
	} `yaml:"users"`
}

type kubeconfigUser struct {
	Token        string `yaml:"token"`
	TokenFile    string `yaml:"tokenFile"`
	Cert         string `yaml:"client-certificate"`
	CertData     string `yaml:"client-certificate-data"`
	Key          string `yaml:"client-key"`
	KeyData      string `yaml:"client-key-data"`
	Username     string `yaml:"username"`
	As           string `yaml:"as"`
	Exec         any    `yaml:"exec"`
	AuthProvider any    `yaml:"auth-provider"`
}

// readKubeconfig reads the text of a kubeconfig file in a folder. Without a
// context its current one counts.
func readKubeconfig(text []byte, dir, context string) (*place, error) {
	var k kubeconfig
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("it is not a kubeconfig file: %w", err)
	}
	if context == "" {
		context = k.CurrentContext
	}
	if context == "" {
		return nil, errors.New("it has no current-context; name the context to use")
	}
	p := &place{describe: "context " + context}
	cluster, user, found := "", "", false
	for _, c := range k.Contexts {
		if c.Name == context {
			cluster, user, found = c.Context.Cluster, c.Context.User, true
		}
	}
	if !found {
		return nil, fmt.Errorf("it has no context %q", context)
	}
	if err := p.takeCluster(&k, cluster, dir); err != nil {
		return nil, err
	}
	for i := range k.Users {
		if k.Users[i].Name == user {
			return p, p.takeUser(&k.Users[i].User, user, dir)
		}
	}
	return nil, fmt.Errorf("it has no user %q, which the context %q names", user, context)
}

func (p *place) takeCluster(k *kubeconfig, name, dir string) (err error) {
	for i := range k.Clusters {
		if k.Clusters[i].Name != name {
			continue
		}
		c := &k.Clusters[i].Cluster
		if c.Insecure {
			return fmt.Errorf("cluster %q has insecure-skip-tls-verify, which would give the token to anybody; put the authority in certificate-authority-data", name)
		}
		p.server, p.serverName, p.proxy, p.caFile = c.Server, c.TLSServerName, c.ProxyURL, beside(dir, c.CA)
		if u, err := url.Parse(c.Server); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return fmt.Errorf("cluster %q: server %q is not the https URL of an API server", name, c.Server)
		}
		p.ca, err = decoded("certificate-authority-data", c.CAData)
		return err
	}
	return fmt.Errorf("it has no cluster %q, which the context names", name)
}

func (p *place) takeUser(u *kubeconfigUser, name, dir string) (err error) {
	switch {
	case u.Exec != nil || u.AuthProvider != nil:
		return fmt.Errorf("user %q gets its credentials from a program (exec, auth-provider), and none is run here; use the token of a service account, as `vedette kube access` makes one", name)
	case u.Username != "":
		return fmt.Errorf("user %q has a password, which API servers do not take any more; use the token of a service account", name)
	case u.As != "":
		return fmt.Errorf("user %q acts as another one (as), which is not done here; use that one's own credentials", name)
	}
	p.token, p.tokenFile = u.Token, beside(dir, u.TokenFile)
	p.certFile, p.keyFile = beside(dir, u.Cert), beside(dir, u.Key)
	if p.cert, err = decoded("client-certificate-data", u.CertData); err != nil {
		return err
	}
	if p.key, err = decoded("client-key-data", u.KeyData); err != nil {
		return err
	}
	if (len(p.cert) > 0 || p.certFile != "") != (len(p.key) > 0 || p.keyFile != "") {
		return fmt.Errorf("user %q: a client certificate and its key belong together", name)
	}
	if p.token == "" && p.tokenFile == "" && len(p.cert) == 0 && p.certFile == "" {
		return fmt.Errorf("user %q has neither a token nor a client certificate", name)
	}
	return nil
}

// beside is a path as a file of that folder means it.
func beside(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func decoded(key, text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", key)
	}
	return b, nil
}
