package main

import (
	"bytes"
	"context"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
)

//go:embed audit-policy.yaml
var auditPolicy string

func kubeCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{Use: "kube", Short: "What a cluster needs to send its audit log and runtime events"}
	return group(cmd, kubeWebhookConfig(s), kubeSensor(s), kubeCA(s), kubeAccess(s), &cobra.Command{
		Use: "audit-policy", Short: "Print an audit policy for --audit-policy-file", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.out, auditPolicy)
			return err
		},
	})
}

func kubeWebhookConfig(s streams) *cobra.Command {
	var data dataFlags
	var server, cluster, ca, token, serverName string
	cmd := &cobra.Command{
		Use:   "webhook-config",
		Short: "Print the kubeconfig for --audit-webhook-config-file",
		Long: `Prints the kubeconfig file with which an API server's audit webhook pushes to
Vedette. Without --token it makes an access key of role ingest in the data
directory and puts its token in. Where the server makes its certificate by itself
(server.tls.auto), the authority is put in, too. Keep the file readable by the API server only.

An API server asks no DNS of the cluster. For a server inside it use the address
of its Service, and the name in its certificate:
  --server https://10.96.12.34:8700 --tls-server-name vedette.vedette.svc

On the API server:
  --audit-policy-file=audit-policy.yaml
  --audit-webhook-config-file=vedette-webhook.yaml
  --audit-webhook-batch-max-wait=100ms`,
		Example: `  vedette kube webhook-config --server https://vedette.internal:8700 --cluster prod --ca ca.pem > vedette-webhook.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := serverURL(server, cluster, "API server")
			if err != nil {
				return err
			}
			authority, err := authorityFor(cmd, &data, ca, u)
			if err != nil {
				return err
			}
			trust := ""
			if authority != "" {
				trust = "\n    certificate-authority-data: " + authority
			}
			switch {
			case serverName == "":
			case u.Scheme != "https":
				return errors.New("--tls-server-name: there is no certificate to look at where --server is plain http")
			case !config.ValidServerName(serverName):
				return fmt.Errorf("--tls-server-name %q is not a host name, such as vedette.vedette.svc", serverName)
			default:
				trust += "\n    tls-server-name: " + serverName
			}
			if token == "" {
				if token, err = ingestToken(cmd.Context(), &data, "audit webhook of "+cluster); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(s.out, `apiVersion: v1
kind: Config
clusters:
- name: vedette
  cluster:
    server: %s%s
users:
- name: vedette
  user:
    token: %s
contexts:
- name: vedette
  context:
    cluster: vedette
    user: vedette
current-context: vedette
`, u.JoinPath("ingest", "k8s-audit", cluster), trust, token)
			return err
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringVar(&server, "server", "", "URL of the Vedette server, as the API server reaches it")
	f.StringVar(&cluster, "cluster", "", "name of the cluster whose API server will push")
	f.StringVar(&ca, "ca", "", `file with the authority of the server's certificate, PEM (default: the one that the server makes by itself; "" trusts the system's)`)
	f.StringVar(&serverName, "tls-server-name", "", "name that the server's certificate must have, where --server is another, such as an address")
	f.StringVar(&token, "token", "", "token to put in (default: a new key of role ingest)")
	return cmd
}

// serverURL checks --server and --cluster, which say where something of a
// cluster, called what, pushes to.
func serverURL(server, cluster, what string) (*url.URL, error) {
	switch {
	case server == "":
		return nil, fmt.Errorf("--server is missing: name the URL of the Vedette server, as the %s reaches it", what)
	case cluster == "":
		return nil, fmt.Errorf("--cluster is missing: name the cluster whose %s will push", what)
	case !config.ValidCluster(cluster):
		return nil, fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", cluster)
	}
	return pushURL(server)
}

// authorities reads --ca, in base64; "" without one.
func authorities(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) || bytes.Contains(pem, []byte("PRIVATE KEY-----")) {
		return "", fmt.Errorf("--ca: %s must hold certificates in PEM, and nothing else", file)
	}
	return base64.StdEncoding.EncodeToString(pem), nil
}

// ingestToken makes an access key that may push and returns its token.
func ingestToken(ctx context.Context, data *dataFlags, name string) (token string, err error) {
	err = withKeys(ctx, data.load, func(keys *app.Keys, _ *config.Config) error {
		k, err := keys.Create(ctx, access.RoleIngest, name)
		token = k.Token()
		return err
	})
	return token, err
}
