package traffic

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	coordv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

// operator is one program that works in the cluster under a service account
// of its own. Each elects a leader; what it does besides is in jobs.
type operator struct {
	namespace, name, agent string
	jobs                   []job
}

// job is one recurring piece of an operator's work.
type job struct {
	name string
	mean time.Duration
	do   func(context.Context, *World, kubernetes.Interface, *rand.Rand) error
}

func operators() []operator {
	return []operator{
		{"kube-system", "cluster-autoscaler", "cluster-autoscaler/v1.34.0 (linux/amd64) kubernetes/$Format", []job{
			{"lists nodes and pods", 10 * time.Second, listNodesAndPods}, {"writes its status", 10 * time.Second, writeStatus("cluster-autoscaler-status")}}},
		{"kube-system", "aws-load-balancer-controller", "aws-load-balancer-controller/v2.13.4", []job{{"lists services", 15 * time.Second, listServices}}},
		{"kube-system", "ebs-csi-controller-sa", "csi-provisioner/v5.3.0", []job{{"lists volumes", 20 * time.Second, listVolumes}}},
		{"kube-system", "metrics-server", "metrics-server/v0.8.0", []job{{"lists nodes and pods", 15 * time.Second, listNodesAndPods}}},
		{"cert-manager", "cert-manager", "cert-manager-certificates-issuing/v1.18.2", []job{{"renews a certificate", 8 * time.Second, renewSecret("tls")}}},
		{"cert-manager", "cert-manager-cainjector", "cainjector/v1.18.2", nil},
		{"external-dns", "external-dns", "external-dns/v0.19.0", []job{{"lists services", 15 * time.Second, listServices}}},
		{"external-secrets", "external-secrets", "external-secrets/v0.20.1", []job{{"syncs a secret", 3 * time.Second, renewSecret("external")}}},
		{"monitoring", "prometheus", "Prometheus/3.5.0", []job{{"scrapes the API server", 15 * time.Second, scrape}, {"lists endpoints", 20 * time.Second, listServices}}},
		{"monitoring", "kube-state-metrics", "kube-state-metrics/v2.16.0", []job{{"lists everything", 45 * time.Second, listEverything}}},
		{"monitoring", "prometheus-operator", "PrometheusOperator/0.85.0", []job{{"lists everything", 60 * time.Second, listEverything}}},
		{"keda", "keda-operator", "keda/2.17.2", []job{{"scales", 4 * time.Second, scale}}},
		{"velero", "velero", "velero-server/v1.16.2", []job{{"backs up", 4 * time.Minute, backup}}},
		{"descheduler", "descheduler", "descheduler/v0.34.0", []job{{"deletes a pod", 20 * time.Second, deletePod}}},
		{"karpenter", "karpenter", "karpenter/1.6.2", []job{{"lists nodes and pods", 10 * time.Second, listNodesAndPods}, {"labels a node", 15 * time.Second, labelNode}}},
		{"argocd", "argocd-application-controller", "argocd-application-controller/v3.1.1", nil},
		{"vault", "vault-agent-injector", "vault-k8s/v1.7.0", []job{{"updates its webhook", 30 * time.Second, writeStatus("vault-injector")}}},
	}
}

func (w *World) operators(ctx context.Context, wg *sync.WaitGroup) {
	for i, o := range operators() {
		client, err := w.account(o.namespace+"/"+o.name, o.agent)
		if err != nil {
			w.count(ctx, "operator starts", err)
			continue
		}
		// Shared informers give the lists and watches that every operator has.
		f := informers.NewSharedInformerFactory(client, 10*time.Minute)
		f.Core().V1().Pods().Informer()
		f.Core().V1().Services().Informer()
		f.Apps().V1().Deployments().Informer()
		if i%3 == 0 {
			f.Core().V1().ConfigMaps().Informer()
			f.Core().V1().Secrets().Informer()
		}
		f.Start(ctx.Done())
		seed := uint64(1000 + 10*i)
		w.every(ctx, wg, 2*time.Second, seed, "leader election", func(ctx context.Context, _ *rand.Rand) error { return elect(ctx, client, o) })
		for j, jb := range o.jobs {
			w.every(ctx, wg, jb.mean, seed+uint64(j)+1, o.name+" "+jb.name, func(ctx context.Context, rng *rand.Rand) error { return jb.do(ctx, w, client, rng) })
		}
	}
}

// account is a client with the token of a service account, calling from a pod
// address.
func (w *World) account(key, agent string) (kubernetes.Interface, error) {
	h := fnv.New32a()
	h.Write([]byte(key))
	cfg, err := w.c.TokenConfig(w.tokens[key], fmt.Sprintf("10.244.9.%d", 2+h.Sum32()%250), agent)
	if err != nil {
		return nil, err
	}
	return w.c.NewClient(cfg)
}

func elect(ctx context.Context, client kubernetes.Interface, o operator) error {
	leases := client.CoordinationV1().Leases(o.namespace)
	now, holder := metav1.NowMicro(), o.name+"-0"
	lease, err := leases.Get(ctx, o.name, metav1.GetOptions{})
	if err != nil {
		_, err = leases.Create(ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: o.name}, Spec: coordv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &now}}, metav1.CreateOptions{})
		return err
	}
	lease.Spec.RenewTime = &now
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

func listNodesAndPods(ctx context.Context, _ *World, client kubernetes.Interface, _ *rand.Rand) error {
	if _, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"}); err != nil {
		return err
	}
	_, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	return err
}

func listServices(ctx context.Context, _ *World, client kubernetes.Interface, _ *rand.Rand) error {
	if _, err := client.CoreV1().Services("").List(ctx, metav1.ListOptions{ResourceVersion: "0"}); err != nil {
		return err
	}
	_, err := client.NetworkingV1().Ingresses("").List(ctx, metav1.ListOptions{})
	return err
}

func listVolumes(ctx context.Context, _ *World, client kubernetes.Interface, _ *rand.Rand) error {
	_, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	return err
}

func listEverything(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
	o := metav1.ListOptions{ResourceVersion: "0"}
	if err := listNodesAndPods(ctx, w, client, rng); err != nil {
		return err
	}
	for _, list := range []func() error{
		func() error { _, err := client.AppsV1().Deployments("").List(ctx, o); return err },
		func() error { _, err := client.AppsV1().DaemonSets("").List(ctx, o); return err },
		func() error { _, err := client.BatchV1().CronJobs("").List(ctx, o); return err },
		func() error { _, err := client.CoreV1().Secrets("").List(ctx, o); return err },
		func() error { _, err := client.CoreV1().ConfigMaps("").List(ctx, o); return err },
	} {
		if err := list(); err != nil {
			return err
		}
	}
	return nil
}

// backup reads every secret, as a backup does.
func backup(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
	for _, ns := range w.teams {
		secrets, err := client.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, s := range secrets.Items {
			if _, err := client.CoreV1().Secrets(ns).Get(ctx, s.Name, metav1.GetOptions{}); err != nil {
				return err
			}
		}
	}
	return listEverything(ctx, w, client, rng)
}

func scrape(ctx context.Context, _ *World, client kubernetes.Interface, _ *rand.Rand) error {
	_, err := client.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	return err
}

func writeStatus(name string) func(context.Context, *World, kubernetes.Interface, *rand.Rand) error {
	return func(ctx context.Context, _ *World, client kubernetes.Interface, rng *rand.Rand) error {
		maps := client.CoreV1().ConfigMaps("kube-system")
		m, err := maps.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			_, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
			return err
		}
		m.Data = map[string]string{"status": fmt.Sprint("healthy ", rng.IntN(1000))}
		_, err = maps.Update(ctx, m, metav1.UpdateOptions{})
		return err
	}
}

// renewSecret writes one of a few secrets of a team again.
func renewSecret(prefix string) func(context.Context, *World, kubernetes.Interface, *rand.Rand) error {
	return func(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
		secrets := client.CoreV1().Secrets(pick(rng, w.teams))
		name := fmt.Sprintf("%s-%d", prefix, rng.IntN(4))
		s, err := secrets.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
			return err
		}
		s.StringData = map[string]string{"value": fmt.Sprint(rng.Uint64())}
		_, err = secrets.Update(ctx, s, metav1.UpdateOptions{})
		return err
	}
}

func scale(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
	deployments := client.AppsV1().Deployments(pick(rng, w.teams))
	name := fmt.Sprintf("svc-%d", rng.IntN(5))
	s, err := deployments.GetScale(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	s.Spec.Replicas = int32(1 + rng.IntN(5))
	_, err = deployments.UpdateScale(ctx, name, s, metav1.UpdateOptions{})
	return err
}

func deletePod(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
	ns := pick(rng, w.teams)
	pods, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=svc-0"})
	if err != nil || len(pods.Items) == 0 {
		return err
	}
	return client.CoreV1().Pods(ns).Delete(ctx, pick(rng, pods.Items).Name, metav1.DeleteOptions{})
}

func labelNode(ctx context.Context, w *World, client kubernetes.Interface, rng *rand.Rand) error {
	name, _ := nodeName(rng.IntN(max(1, w.opts.Nodes)))
	body := fmt.Sprintf(`{"metadata":{"annotations":{"karpenter.sh/checked":"%d"}}}`, rng.IntN(1e6))
	_, err := client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, []byte(body), metav1.PatchOptions{})
	return err
}
