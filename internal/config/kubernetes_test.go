package config

import (
	"strings"
	"testing"
)

// managed is a cluster with all that is needed, and more keys of its sensor.
func managed(more string) string {
	return `kubernetes: {clusters: [{name: prod, sensor: {managed: true, image: "r.internal/vedette:1.0", server: "https://vedette.internal:8700"` + more + `}}]}`
}

func TestKubernetesDefaults(t *testing.T) {
	c, err := Parse([]byte(managed("")))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Kubernetes.Clusters[0].Sensor
	if s.Namespace != "vedette" || s.Name != "vedette-sensor" || s.PriorityClassName != "system-node-critical" ||
		s.Resources.Requests["cpu"] != "50m" || s.Resources.Limits["memory"] != "256Mi" {
		t.Errorf("%+v", s)
	}
	if c, err = Parse([]byte(managed(`, resources: {requests: {}, limits: {memory: 1Gi}}, nodeSelector: {a.b/c: d}, args: [--cpu-limit=300m, --no-metadata, "--kind=exec,connect"], imagePullSecrets: [pull]`))); err != nil {
		t.Fatal(err)
	}
	if s := c.Kubernetes.Clusters[0].Sensor; len(s.Resources.Requests) != 0 || s.Resources.Limits["memory"] != "1Gi" {
		t.Errorf("%+v", s)
	}
}

func TestKubernetesFaults(t *testing.T) {
	cluster := func(s string) string { return `kubernetes: {clusters: [` + s + `]}` }
	for in, want := range map[string]string{
		cluster(`{name: "a b"}`):                                      `kubernetes.clusters[0].name: "a b" is not a cluster name`,
		cluster(`{name: a, kubeconfig: /a}, {name: a}`):               `kubernetes.clusters[1].name: "a" is there twice`,
		cluster(`{name: a}, {name: b}`):                               `kubernetes.clusters[1].kubeconfig: leads where that of the cluster "a" leads`,
		cluster(`{name: a, kubeconfig: k}`):                           `kubernetes.clusters[0].kubeconfig: "k" is not an absolute path`,
		cluster(`{name: a, context: k}`):                              `kubernetes.clusters[0].context: it is one of a kubeconfig`,
		cluster(`{name: a, pushers: [x]}`):                            `kubernetes.clusters[0].pushers[0]: "x" is not a service account; write NAMESPACE/NAME`,
		cluster(`{name: a, pushers: ["a/b:c"]}`):                      `kubernetes.clusters[0].pushers[0]`,
		cluster(`{name: a, authorityConfigMap: A/b}`):                 `kubernetes.clusters[0].authorityConfigMap: "A/b" is not a ConfigMap`,
		cluster(`{name: a, sensor: {managed: true}}`):                 `kubernetes.clusters[0].sensor.image: is empty`,
		cluster(`{name: a, sensor: {managed: true, image: a}}`):       `kubernetes.clusters[0].sensor.server: is empty`,
		managed(`, namespace: A`):                                     `kubernetes.clusters[0].sensor.namespace: "A"`,
		managed(`, name: "a.b"`):                                      `kubernetes.clusters[0].sensor.name: "a.b"`,
		managed(`, imagePullPolicy: always`):                          `kubernetes.clusters[0].sensor.imagePullPolicy: "always" is not known`,
		managed(`, imagePullSecrets: [A]`):                            `kubernetes.clusters[0].sensor.imagePullSecrets[0]: "A"`,
		managed(`, args: [sensor]`):                                   `kubernetes.clusters[0].sensor.args[0]: "sensor": an argument is a flag`,
		managed(`, args: [--cpu-limit=1, --server=x]`):                `kubernetes.clusters[0].sensor.args[1]: "--server=x": this server sets`,
		managed(`, args: [--node=a]`):                                 `kubernetes.clusters[0].sensor.args[0]: "--node=a": this server sets`,
		managed(`, args: [--cpu-limit=300]`):                          `kubernetes.clusters[0].sensor.args[0]: "--cpu-limit=300": --cpu-limit: 300 CPUs: it must be from 0.01 to 64; for 300 thousandths of a CPU write 300m`,
		managed(`, args: [--cpu-limit]`):                              `kubernetes.clusters[0].sensor.args[0]: "--cpu-limit": flag needs an argument`,
		managed(`, args: [--memory-limit=32Mi]`):                      `kubernetes.clusters[0].sensor.args[0]: "--memory-limit=32Mi": --memory-limit: 33554432 bytes of memory: it must be 64Mi or more`,
		managed(`, args: [--cpu-limits=1]`):                           "kubernetes.clusters[0].sensor.args[0]: \"--cpu-limits=1\": unknown flag: --cpu-limits; `vedette sensor --help` lists the flags",
		managed(`, args: [--cert-file=/host/c]`):                      `kubernetes.clusters[0].sensor.args: --cert-file and --key-file belong together`,
		managed(`, nodeSelector: {"a b": c}`):                         `kubernetes.clusters[0].sensor.nodeSelector: a b: "c" is not a label`,
		managed(`, priorityClassName: A`):                             `kubernetes.clusters[0].sensor.priorityClassName: "A"`,
		managed(`, resources: {limits: {memory: lots}}`):              `kubernetes.clusters[0].sensor.resources.limits: memory: "lots" is not a quantity`,
		managed(`, image2: a`):                                        `image2 is not a key here`,
		strings.Replace(managed(""), "https:", "http:", 1):            `plain http sends the token`,
		strings.Replace(managed(""), "https://", "https://u:p@", 1):   `use a URL such as`,
		strings.Replace(managed(""), "vedette:1.0", "vedette 1.0", 1): `is not the name of an image`,
		strings.Replace(managed(""), "name: prod", "name: prod, authorityConfigMap: vedette/vedette-sensor", 1): `kubernetes.clusters[0].authorityConfigMap: "vedette/vedette-sensor" is the ConfigMap of the managed sensor`,
	} {
		_, err := Parse([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gives %v\n want %s", in, err, want)
		}
	}
}

func TestMayPush(t *testing.T) {
	c := KubernetesCluster{Name: "prod", Pushers: []string{"logs/shipper"}, Sensor: ManagedSensor{Namespace: "vedette", Name: "vedette-sensor"}}
	for user, want := range map[string]bool{
		"system:serviceaccount:logs:shipper": true, "system:serviceaccount:logs:other": false, "logs/shipper": false,
		"system:serviceaccount:logs/shipper": false, "system:serviceaccount:vedette:vedette-sensor": false, "": false, "system:node:a": false,
	} {
		if got := c.MayPush(user); got != want {
			t.Errorf("%q: %v", user, got)
		}
	}
	c.Sensor.Managed = true
	if !c.MayPush("system:serviceaccount:vedette:vedette-sensor") {
		t.Error("the managed sensor may not push")
	}
	if c.Audience() != "vedette/prod" {
		t.Error(c.Audience())
	}
}
