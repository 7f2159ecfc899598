package main

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/manage"
)

func kubeSensor(s streams) *cobra.Command {
	var data dataFlags
	var server, ca string
	pod := manage.Sensor{
		Name: "vedette-sensor", Priority: "system-node-critical",
		Requests: map[string]string{"cpu": "50m", "memory": "100Mi"}, Limits: map[string]string{"memory": "256Mi"},
	}
	cmd := &cobra.Command{
		Use:   "sensor",
		Short: "Print the manifests of the runtime sensor",
		Long: `Prints what runs the runtime sensor on every node of a cluster: a namespace, a
service account that may read pods, a secret and a DaemonSet. Without --token
it makes an access key of role ingest and puts its token in. A server that
knows the cluster (kubernetes.clusters in the configuration) can install and
keep the sensor by itself, without a secret: see ` + "`vedette kube access`" + `.`,
		Example: `  vedette kube sensor --server https://vedette.internal:8700 --cluster prod --ca ca.pem --image registry.internal/vedette:1.0 | kubectl apply -f -`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := serverURL(server, pod.Cluster, "node")
			if err != nil {
				return err
			}
			switch pod.Server = u.String(); {
			case pod.Image == "":
				return errors.New("--image is missing: name the image with vedette in it, as nodes pull it")
			case !config.ValidImage(pod.Image):
				return fmt.Errorf("--image %q is not the name of an image", pod.Image)
			}
			if err := checkNames(pod.Namespace, pod.Name); err != nil {
				return err
			}
			authority, err := authorityFor(cmd, &data, ca, u)
			if err != nil {
				return err
			}
			if pod.CA, err = base64.StdEncoding.DecodeString(authority); err != nil {
				return err
			}
			if pod.Token == "" {
				if pod.Token, err = ingestToken(cmd.Context(), &data, "sensors of "+pod.Cluster); err != nil {
					return err
				}
			}
			return pod.Manifest(s.out)
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringVar(&server, "server", "", "URL of the Vedette server, as nodes reach it")
	f.StringVar(&pod.Cluster, "cluster", "", "name of the cluster")
	f.StringVar(&pod.Image, "image", "", "image with the vedette binary as its entry point")
	f.StringVar(&pod.Namespace, "namespace", "vedette", "namespace of the sensor")
	f.StringVar(&ca, "ca", "", "file with the authority of the server's certificate, PEM")
	f.StringVar(&pod.Token, "token", "", "token to put in (default: a new key of role ingest)")
	return cmd
}

// checkNames refuses names that Kubernetes would, and what is no name but YAML.
func checkNames(namespace, name string) error {
	if !config.ValidKubeName(namespace) {
		return fmt.Errorf("--namespace %q is not a name of a namespace: lower case letters, digits and dashes, 63 at most", namespace)
	}
	if !config.ValidKubeName(name) {
		return fmt.Errorf("--name %q is not a name of a DaemonSet: lower case letters, digits and dashes, 63 at most", name)
	}
	return nil
}
