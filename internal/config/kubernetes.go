package config

import "fmt"

// Kubernetes are the clusters whose API servers this server may ask.
type Kubernetes struct {
	Clusters []KubernetesCluster `yaml:"clusters"`
}

// KubernetesCluster is one of them.
type KubernetesCluster struct {
	// Name is what findings call the cluster.
	Name string `yaml:"name"`
	// Kubeconfig is the file that leads to it; "" is the cluster in which this
	// process runs as a pod.
	Kubeconfig string `yaml:"kubeconfig"`
	// Pushers are service accounts, NAMESPACE/NAME, whose tokens for the audience
	// vedette/NAME may push records of this cluster.
	Pushers []string `yaml:"pushers"`
	// AuthorityConfigMap, NAMESPACE/NAME, is where the server writes the authority of its
	// certificate (key ca.crt), for pods that talk to it; "" is nowhere.
	AuthorityConfigMap string        `yaml:"authorityConfigMap"`
	Sensor             ManagedSensor `yaml:"sensor"`
}

// ManagedSensor is the runtime sensor that this server installs, upgrades and
// removes in a cluster, as the detector's features say.
type ManagedSensor struct {
	Managed bool `yaml:"managed"`
	// Namespace and Name are those of the DaemonSet.
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
	Image     string `yaml:"image"`
	// Server is the URL of this server, as nodes reach it.
	Server string `yaml:"server"`
	// Args are more arguments of the sensor.
	Args []string `yaml:"args"`
}

func (k *Kubernetes) validate(bad func(key, format string, args ...any)) {
	for i, c := range k.Clusters {
		if !ValidCluster(c.Name) {
			bad(fmt.Sprintf("kubernetes.clusters[%d].name", i), "%q is not a cluster name", c.Name)
		}
	}
}
