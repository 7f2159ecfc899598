package cluster

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/vedette-project/vedette/e2e/pki"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// makeCertificates makes the authority, the servers' certificates, and those
// of the components that call the API server with one.
func (c *Cluster) makeCertificates() error {
	ca, err := pki.New(c.path("pki"))
	if err != nil {
		return err
	}
	c.ca = ca
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	names := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	for _, r := range []pki.Request{
		{Name: "apiserver", CN: "kube-apiserver", DNS: names, IPs: []string{"127.0.0.1", sandbox.NodeIP, "10.96.0.1"}, Usage: server},
		{Name: "kubelet", CN: "system:node:" + NodeName, Orgs: []string{"system:nodes"}, DNS: []string{NodeName}, IPs: []string{sandbox.NodeIP}, Usage: server},
		{Name: "kubelet-client", CN: "kube-apiserver-kubelet-client", Orgs: []string{"system:masters"}, Usage: client},
		{Name: "front-proxy", CN: "front-proxy-client", Usage: client},
		{Name: "kcm", CN: "system:kube-controller-manager", Usage: client},
		{Name: "scheduler", CN: "system:kube-scheduler", Usage: client},
		{Name: "kube-proxy", CN: "system:kube-proxy", Usage: client},
	} {
		if err := ca.Issue(r); err != nil {
			return err
		}
	}
	if err := ca.SigningKey("sa"); err != nil {
		return err
	}
	for _, name := range []string{"kcm", "scheduler", "kube-proxy"} {
		user := fmt.Sprintf("client-certificate: %s, client-key: %s", ca.Path(name+".crt"), ca.Path(name+".key"))
		if err := c.writeKubeconfig(name, "https://"+apiAddr, user); err != nil {
			return err
		}
	}
	return nil
}

// writeKubeconfig writes kubeconfig/NAME; user is the inside of a YAML map.
func (c *Cluster) writeKubeconfig(name, server, user string) error {
	ca := "certificate-authority: " + c.ca.Path("ca.crt") + ", "
	if strings.HasPrefix(server, "http:") {
		ca = ""
	}
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {%sserver: "%s"}}]
users: [{name: e2e, user: {%s}}]
contexts: [{name: e2e, context: {cluster: e2e, user: e2e}}]
current-context: e2e
`, ca, server, user)
	if err := os.WriteFile(c.kubeconfig(name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a kubeconfig: %w", err)
	}
	return nil
}

func (c *Cluster) kubeconfig(name string) string { return c.path("kubeconfig", name) }
