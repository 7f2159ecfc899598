package main

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"text/template"

	"github.com/spf13/cobra"
)

//go:embed sensor.yaml
var sensorManifest string

// sensorPod is what the manifest of the sensor needs.
type sensorPod struct {
	Namespace, Image, Server, Cluster string
	Token, CA                         string // base64
}

var (
	// A name of Kubernetes, and an image as runtimes take it. Both are put into YAML.
	validNamespace = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	validImage     = regexp.MustCompile(`^[a-z0-9][-a-zA-Z0-9._:/@]*$`)
)

func kubeSensor(s streams) *cobra.Command {
	var data dataFlags
	var server, ca, token string
	pod := sensorPod{}
	cmd := &cobra.Command{
		Use:   "sensor",
		Short: "Print the manifests of the runtime sensor",
		Long: `Prints what runs the runtime sensor on every node of a cluster: a namespace, a
service account that may read pods, a secret and a DaemonSet. Without --token
it makes an access key of role ingest and puts its token in.`,
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
			case !validImage.MatchString(pod.Image):
				return fmt.Errorf("--image %q is not the name of an image", pod.Image)
			case !validNamespace.MatchString(pod.Namespace):
				return fmt.Errorf("--namespace %q is not a name of a namespace: lower case letters, digits and dashes, 63 at most", pod.Namespace)
			}
			if pod.CA, err = authorities(ca); err != nil {
				return err
			}
			if token == "" {
				if token, err = ingestToken(cmd.Context(), &data, "sensors of "+pod.Cluster); err != nil {
					return err
				}
			}
			pod.Token = base64.StdEncoding.EncodeToString([]byte(token))
			t, err := template.New("sensor").Parse(sensorManifest)
			if err != nil {
				return err
			}
			return t.Execute(s.out, pod)
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringVar(&server, "server", "", "URL of the Vedette server, as nodes reach it")
	f.StringVar(&pod.Cluster, "cluster", "", "name of the cluster")
	f.StringVar(&pod.Image, "image", "", "image with the vedette binary as its entry point")
	f.StringVar(&pod.Namespace, "namespace", "vedette", "namespace of the sensor")
	f.StringVar(&ca, "ca", "", "file with the authority of the server's certificate, PEM")
	f.StringVar(&token, "token", "", "token to put in (default: a new key of role ingest)")
	return cmd
}
