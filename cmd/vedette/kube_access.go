package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/manage"
)

// accessFlags say which rights are printed, or for which cluster a kubeconfig.
type accessFlags struct {
	manage.Access
	account, authority string
	secret, apiServer  string
}

func kubeAccess(s streams) *cobra.Command {
	var f accessFlags
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Print what lets a server keep the sensor of a cluster",
		Long: `Prints the objects that let a server of Vedette install, upgrade and remove the
runtime sensor of a cluster, and know its pushers by their service accounts:
the sensor's namespace, service account and rights, and rights for the server on
one DaemonSet and one ConfigMap, by name. Without --service-account a service
account is made for a server outside of the cluster, with a token that does
not end; the second and third of the commands below make a kubeconfig of it.

In the server's configuration, with the names given here:
  kubernetes:
    clusters:
      - name: prod
        kubeconfig: /etc/vedette/prod.kubeconfig
        sensor: {managed: true, image: IMAGE, server: "https://vedette.internal:8700"}`,
		Example: `  vedette kube access --cluster prod | kubectl apply -f -
  kubectl -n vedette get secret vedette-sensor-manage -o json > secret.json
  vedette kube access --cluster prod --kubeconfig-from secret.json --api-server https://prod.internal:6443 > prod.kubeconfig
  vedette kube access --cluster prod --service-account vedette/vedette | kubectl apply -f -`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case f.Cluster == "":
				return errors.New("--cluster is missing: name the cluster as findings call it")
			case !config.ValidCluster(f.Cluster):
				return fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", f.Cluster)
			case f.secret != "" || f.apiServer != "":
				return f.kubeconfig(s)
			}
			return f.manifest(s)
		},
	}
	p := cmd.Flags()
	p.StringVar(&f.Cluster, "cluster", "", "name of the cluster")
	p.StringVar(&f.Namespace, "namespace", "vedette", "namespace of the sensor")
	p.StringVar(&f.Name, "name", "vedette-sensor", "name of the sensor's DaemonSet and service account")
	p.StringVar(&f.account, "service-account", "", "NAMESPACE/NAME the server acts as (default: a new one, with a token)")
	p.StringVar(&f.authority, "authority-config-map", "", "NAMESPACE/NAME that the server writes its authority to")
	p.StringVar(&f.secret, "kubeconfig-from", "", "print a kubeconfig of this Secret, as kubectl get -o json prints it; - is standard input")
	p.StringVar(&f.apiServer, "api-server", "", "URL of the cluster's API server, as the Vedette server reaches it")
	return cmd
}

// manifest prints the rights.
func (f *accessFlags) manifest(s streams) error {
	if err := checkNames(f.Namespace, f.Name); err != nil {
		return err
	}
	f.Own, f.ServerNamespace, f.ServerName = f.account == "", f.Namespace, f.Role()
	var ok bool
	if f.account != "" {
		if f.ServerNamespace, f.ServerName, ok = config.SplitKubeName(f.account); !ok {
			return fmt.Errorf("--service-account %q is not NAMESPACE/NAME", f.account)
		}
	}
	if f.authority != "" {
		if f.AuthorityNamespace, f.AuthorityName, ok = config.SplitKubeName(f.authority); !ok {
			return fmt.Errorf("--authority-config-map %q is not NAMESPACE/NAME", f.authority)
		}
	}
	return f.Manifest(s.out)
}

// maxSecret bounds what is read as a Secret; Kubernetes allows 1 MiB.
const maxSecret = 4 << 20

// kubeconfig prints one that is made of a Secret.
func (f *accessFlags) kubeconfig(s streams) error {
	u, err := url.Parse(f.apiServer)
	switch {
	case f.secret == "":
		return errors.New("--kubeconfig-from is missing: name the file with the Secret, - for standard input")
	case f.apiServer == "":
		return errors.New("--api-server is missing: name the URL of the cluster's API server, as the Vedette server reaches it")
	case err != nil || u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("--api-server %q: use a URL such as https://prod.internal:6443", f.apiServer)
	}
	in := s.in
	if f.secret != "-" {
		file, err := os.Open(f.secret)
		if err != nil {
			return fmt.Errorf("--kubeconfig-from: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret))
	if err != nil {
		return fmt.Errorf("--kubeconfig-from: %w", err)
	}
	out, err := manage.Kubeconfig(f.Cluster, u.String(), text)
	if err != nil {
		return fmt.Errorf("--kubeconfig-from %s: %w", f.secret, err)
	}
	_, err = s.out.Write(out)
	return err
}
