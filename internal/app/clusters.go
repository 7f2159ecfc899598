package app

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/manage"
	"github.com/vedette-project/vedette/internal/store"
)

// cluster is one whose API server this server may ask.
type cluster struct {
	*config.KubernetesCluster
	client *kube.Client
}

// openClusters prepares the ways to the clusters of the configuration. Nobody
// is asked yet: a cluster that is away keeps no server from starting.
func (a *App) openClusters() {
	a.clusterMetrics = newClusterMetrics(a.registry)
	for i := range a.Config.Kubernetes.Clusters {
		c := &a.Config.Kubernetes.Clusters[i]
		a.clusters = append(a.clusters, &cluster{c, kube.New(c.Kubeconfig, c.Context)})
	}
	if len(a.clusters) > 0 {
		a.accounts = newAccounts(a.clusters, a.Now, a.Log, a.clusterMetrics)
	}
}

// checkClusters reads the kubeconfig files. What a pod finds in itself is not
// looked for: the configuration may be checked elsewhere.
func checkClusters(c *config.Config) error {
	var errs []error
	for i := range c.Kubernetes.Clusters {
		k := &c.Kubernetes.Clusters[i]
		if k.Kubeconfig == "" {
			continue
		}
		if err := kube.New(k.Kubeconfig, k.Context).Check(); err != nil {
			errs = append(errs, fmt.Errorf("kubernetes.clusters[%d].kubeconfig: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// manager keeps the cluster's sensor.
func (a *App) manager(c *cluster) *manage.Manager {
	o := manage.Options{Client: c.client, Authority: a.authorityPEM, Now: a.Now}
	o.AuthorityNamespace, o.AuthorityName, _ = config.SplitKubeName(c.AuthorityConfigMap)
	if c.AuthorityConfigMap == "" {
		o.AuthorityNamespace, o.AuthorityName = "", ""
	}
	if s := &c.Sensor; s.Managed {
		o.Sensor = &manage.Sensor{
			Namespace: s.Namespace, Name: s.Name, Cluster: c.Name, Image: s.Image, PullPolicy: s.ImagePullPolicy, PullSecrets: s.ImagePullSecrets,
			Server: s.Server, Args: s.Args, NodeSelector: s.NodeSelector, Priority: s.PriorityClassName,
			Requests: s.Resources.Requests, Limits: s.Resources.Limits, Audience: c.Audience(),
		}
	}
	return manage.New(o)
}

// clusterMetrics tell of what is asked of clusters.
type clusterMetrics struct {
	reviews *prometheus.CounterVec
	nodes   *prometheus.GaugeVec
	fault   *prometheus.GaugeVec
}

func newClusterMetrics(r prometheus.Registerer) *clusterMetrics {
	m := &clusterMetrics{
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_kube_token_reviews_total",
			Help: "Tokens of service accounts that a cluster's API server was asked about: accepted, refused, failed (no answer), or limited (not asked, for too many at once).",
		}, []string{"cluster", "result"}),
		nodes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_manage_sensor_pods",
			Help: "Pods of the managed sensor: desired, ready, updated (of the newest form).",
		}, []string{"cluster", "state"}),
		fault: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_manage_sensor_fault",
			Help: "1 while the managed sensor of the cluster cannot be kept as the detector wants it.",
		}, []string{"cluster"}),
	}
	r.MustRegister(m.reviews, m.nodes, m.fault)
	return m
}

// note sets the gauges of a cluster.
func (m *clusterMetrics) note(c *store.Cluster) {
	fault := 0.0
	if c.Fault != "" {
		fault = 1
	}
	m.fault.WithLabelValues(c.Name).Set(fault)
	for state, n := range map[string]int{"desired": c.Sensor.Desired, "ready": c.Sensor.Ready, "updated": c.Sensor.Updated} {
		m.nodes.WithLabelValues(c.Name, state).Set(float64(n))
	}
}

// forget drops the gauges: another process has the cluster.
func (m *clusterMetrics) forget(name string) {
	m.fault.DeleteLabelValues(name)
	for _, state := range []string{"desired", "ready", "updated"} {
		m.nodes.DeleteLabelValues(name, state)
	}
}
