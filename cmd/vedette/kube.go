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
	cmd := &cobra.Command{Use: "kube", Short: "What an API server needs to send its audit log"}
	return group(cmd, kubeWebhookConfig(s), &cobra.Command{
		Use: "audit-policy", Short: "Print an audit policy for --audit-policy-file", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.out, auditPolicy)
			return err
		},
	})
}

func kubeWebhookConfig(s streams) *cobra.Command {
	var data dataFlags
	var server, cluster, ca, token string
	cmd := &cobra.Command{
		Use:   "webhook-config",
		Short: "Print the kubeconfig for --audit-webhook-config-file",
		Long: `Prints the kubeconfig file with which an API server's audit webhook pushes to
Vedette. Without --token it makes an access key of role ingest in the data
directory and puts its token in. Keep the file readable by the API server only.

On the API server:
  --audit-policy-file=audit-policy.yaml
  --audit-webhook-config-file=vedette-webhook.yaml
  --audit-webhook-batch-max-wait=100ms`,
		Example: `  vedette kube webhook-config --server https://vedette.internal:8700 --cluster prod --ca ca.pem > vedette-webhook.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := url.Parse(server)
			if server == "" {
				return errors.New("--server is missing: name the URL of the Vedette server, as the API server reaches it")
			}
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return fmt.Errorf("--server %q: use a URL such as https://vedette.internal:8700", server)
			}
			if cluster == "" {
				return errors.New("--cluster is missing: name the cluster whose API server will push")
			}
			if !config.ValidCluster(cluster) {
				return fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", cluster)
			}
			if u.Scheme == "http" && !config.IsLoopback(hostPort(u)) {
				return errors.New("--server: plain http sends the token and the audit log in the clear; it is for loopback only, use https")
			}
			authority := ""
			if ca != "" {
				pem, err := os.ReadFile(ca)
				if err != nil {
					return fmt.Errorf("--ca: %w", err)
				}
				if !x509.NewCertPool().AppendCertsFromPEM(pem) || bytes.Contains(pem, []byte("PRIVATE KEY-----")) {
					return fmt.Errorf("--ca: %s must hold certificates in PEM, and nothing else", ca)
				}
				authority = "\n    certificate-authority-data: " + base64.StdEncoding.EncodeToString(pem)
			}
			if token == "" {
				if token, err = ingestToken(cmd.Context(), &data, cluster); err != nil {
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
`, u.JoinPath("ingest", "k8s-audit", cluster), authority, token)
			return err
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringVar(&server, "server", "", "URL of the Vedette server, as the API server reaches it")
	f.StringVar(&cluster, "cluster", "", "name of the cluster whose API server will push")
	f.StringVar(&ca, "ca", "", "file with the authority of the server's certificate, PEM")
	f.StringVar(&token, "token", "", "token to put in (default: a new key of role ingest)")
	return cmd
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":80"
}

// ingestToken makes an access key that may push and returns its token.
func ingestToken(ctx context.Context, data *dataFlags, cluster string) (token string, err error) {
	err = withKeys(ctx, data.load, func(keys *app.Keys, _ *config.Config) error {
		k, err := keys.Create(ctx, access.RoleIngest, "audit webhook of "+cluster)
		token = k.Token()
		return err
	})
	return token, err
}
