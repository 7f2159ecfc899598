package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// Kubernetes are the clusters whose API servers this server may ask.
type Kubernetes struct {
	Clusters []KubernetesCluster `yaml:"clusters"`
}

// KubernetesCluster is one of them.
type KubernetesCluster struct {
	// Name is what findings call the cluster.
	Name string `yaml:"name"`
	// Kubeconfig is the file that leads to it, and Context one of its contexts
	// (default: its current one); without a file it is the cluster in which this
	// process runs as a pod.
	Kubeconfig string `yaml:"kubeconfig"`
	Context    string `yaml:"context"`
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
	// Namespace and Name are those of the DaemonSet, and of its service account.
	// The defaults are vedette and vedette-sensor.
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
	Image     string `yaml:"image"`
	// ImagePullPolicy is Always, IfNotPresent or Never; "" is the cluster's default.
	ImagePullPolicy string `yaml:"imagePullPolicy"`
	// ImagePullSecrets are secrets of the namespace.
	ImagePullSecrets []string `yaml:"imagePullSecrets"`
	// Server is the URL of this server, as nodes reach it.
	Server string `yaml:"server"`
	// Args are more arguments of the sensor.
	Args []string `yaml:"args"`
	// NodeSelector are labels of the nodes that get a sensor; none is all nodes.
	NodeSelector map[string]string `yaml:"nodeSelector"`
	// PriorityClassName defaults to system-node-critical.
	PriorityClassName string `yaml:"priorityClassName"`
	// Resources default to requests of 50m and 100Mi and a limit of 256Mi.
	Resources SensorResources `yaml:"resources"`
}

// SensorResources are in Kubernetes' words and units.
type SensorResources struct {
	Requests map[string]string `yaml:"requests"`
	Limits   map[string]string `yaml:"limits"`
}

// Audience is what tokens of service accounts of the cluster are for.
func (c *KubernetesCluster) Audience() string { return AudiencePrefix + c.Name }

// AudiencePrefix stands before the cluster's name in the audience of a token.
const AudiencePrefix = "vedette/"

// MayPush reports whether a user of the cluster may push its records: a
// service account that was named, or that of the managed sensor.
func (c *KubernetesCluster) MayPush(user string) bool {
	account, ok := strings.CutPrefix(user, "system:serviceaccount:")
	namespace, name, both := strings.Cut(account, ":")
	if !ok || !both {
		return false
	}
	account = namespace + "/" + name
	return slices.Contains(c.Pushers, account) || c.Sensor.Managed && account == c.Sensor.Namespace+"/"+c.Sensor.Name
}

// fill puts in what was not said.
func (k *Kubernetes) fill() {
	for i := range k.Clusters {
		s := &k.Clusters[i].Sensor
		for _, d := range []struct {
			key   *string
			value string
		}{{&s.Namespace, "vedette"}, {&s.Name, "vedette-sensor"}, {&s.PriorityClassName, "system-node-critical"}} {
			if *d.key == "" {
				*d.key = d.value
			}
		}
		if s.Resources.Requests == nil {
			s.Resources.Requests = map[string]string{"cpu": "50m", "memory": "100Mi"}
		}
		if s.Resources.Limits == nil {
			s.Resources.Limits = map[string]string{"memory": "256Mi"}
		}
	}
}

var (
	// Names of Kubernetes: a label of DNS, a name of DNS, a label's key and value,
	// and an image as runtimes take it.
	kubeLabel    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	kubeName     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	kubeKey      = regexp.MustCompile(`^([a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	kubeValue    = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
	kubeQuantity = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$`)
	kubeImage    = regexp.MustCompile(`^[a-z0-9][-a-zA-Z0-9._:/@]{0,511}$`)
)

// ValidImage reports whether a name can be that of an image.
func ValidImage(name string) bool { return kubeImage.MatchString(name) }

// ValidKubeName reports whether a name can be that of a namespace, or of
// something whose pods carry it in a label.
func ValidKubeName(name string) bool { return kubeLabel.MatchString(name) }

// SplitKubeName splits NAMESPACE/NAME.
func SplitKubeName(s string) (namespace, name string, ok bool) {
	namespace, name, ok = strings.Cut(s, "/")
	return namespace, name, ok && kubeLabel.MatchString(namespace) && kubeName.MatchString(name)
}

func (k *Kubernetes) validate(bad func(key, format string, args ...any)) {
	names, places := map[string]bool{}, map[string]string{}
	for i := range k.Clusters {
		c := &k.Clusters[i]
		key := fmt.Sprintf("kubernetes.clusters[%d]", i)
		switch {
		case !ValidCluster(c.Name):
			bad(key+".name", "%q is not a cluster name: letters, digits, dots, dashes and underscores, 100 at most", c.Name)
		case names[c.Name]:
			bad(key+".name", "%q is there twice; a cluster is described once", c.Name)
		}
		names[c.Name] = true
		place := c.Kubeconfig + "\x00" + c.Context
		if other, twice := places[place]; twice {
			bad(key+".kubeconfig", "leads where that of the cluster %q leads; two names for one cluster would undo each other's work", other)
		}
		places[place] = c.Name
		c.validate(key, bad)
	}
}

func (c *KubernetesCluster) validate(key string, bad func(key, format string, args ...any)) {
	switch {
	case c.Kubeconfig != "" && !filepath.IsAbs(c.Kubeconfig):
		bad(key+".kubeconfig", "%q is not an absolute path", c.Kubeconfig)
	case c.Kubeconfig == "" && c.Context != "":
		bad(key+".context", "it is one of a kubeconfig file; name that, too")
	}
	for i, p := range c.Pushers {
		if _, _, ok := SplitKubeName(p); !ok {
			bad(fmt.Sprintf("%s.pushers[%d]", key, i), "%q is not a service account; write NAMESPACE/NAME", p)
		}
	}
	if m := c.AuthorityConfigMap; m != "" {
		if _, _, ok := SplitKubeName(m); !ok {
			bad(key+".authorityConfigMap", "%q is not a ConfigMap; write NAMESPACE/NAME", m)
		}
		if m == c.Sensor.Namespace+"/"+c.Sensor.Name && c.Sensor.Managed {
			bad(key+".authorityConfigMap", "%q is the ConfigMap of the managed sensor, which is removed with it; name another", m)
		}
	}
	c.Sensor.validate(key+".sensor", bad)
}

func (s *ManagedSensor) validate(key string, bad func(key, format string, args ...any)) {
	if !kubeLabel.MatchString(s.Namespace) {
		bad(key+".namespace", "%q is not a name of a namespace: lower case letters, digits and dashes, 63 at most", s.Namespace)
	}
	if !kubeLabel.MatchString(s.Name) {
		bad(key+".name", "%q is not a name of a DaemonSet here: lower case letters, digits and dashes, 63 at most", s.Name)
	}
	switch {
	case s.Image == "" && s.Managed:
		bad(key+".image", "is empty; name the image with vedette in it, as nodes pull it")
	case s.Image != "" && !ValidImage(s.Image):
		bad(key+".image", "%q is not the name of an image", s.Image)
	}
	if !slices.Contains([]string{"", "Always", "IfNotPresent", "Never"}, s.ImagePullPolicy) {
		bad(key+".imagePullPolicy", "%q is not known; use Always, IfNotPresent or Never", s.ImagePullPolicy)
	}
	for i, name := range s.ImagePullSecrets {
		if !kubeName.MatchString(name) {
			bad(fmt.Sprintf("%s.imagePullSecrets[%d]", key, i), "%q is not the name of a secret", name)
		}
	}
	if s.Server != "" || s.Managed {
		validateSensorServer(key+".server", s.Server, bad)
	}
	for i, arg := range s.Args {
		if err := setting.CheckManaged(arg); err != nil {
			bad(fmt.Sprintf("%s.args[%d]", key, i), "%q: %v", arg, err)
		}
	}
	if err := setting.CheckManagedAll(s.Args); err != nil {
		bad(key+".args", "%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.NodeSelector)) {
		if !kubeKey.MatchString(name) || !kubeValue.MatchString(s.NodeSelector[name]) {
			bad(key+".nodeSelector", "%s: %q is not a label of a node", name, s.NodeSelector[name])
		}
	}
	if !kubeName.MatchString(s.PriorityClassName) {
		bad(key+".priorityClassName", "%q is not the name of a priority class", s.PriorityClassName)
	}
	for _, r := range []struct {
		name string
		of   map[string]string
	}{{"requests", s.Resources.Requests}, {"limits", s.Resources.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(r.of)) {
			if !kubeKey.MatchString(name) || !kubeQuantity.MatchString(r.of[name]) {
				bad(key+".resources."+r.name, "%s: %q is not a quantity, such as 100m or 256Mi", name, r.of[name])
			}
		}
	}
}

// validateSensorServer checks where sensors send records to.
func validateSensorServer(key, server string, bad func(key, format string, args ...any)) {
	u, err := url.Parse(server)
	switch {
	case server == "":
		bad(key, "is empty; name the URL of this server, as nodes reach it, such as https://vedette.vedette.svc:8700")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad(key, "%q: use a URL such as https://vedette.vedette.svc:8700", server)
	case u.Scheme == "http" && !IsLoopback(net.JoinHostPort(u.Hostname(), "80")):
		bad(key, "%q: plain http sends the token and the records in the clear; use https", server)
	}
}
