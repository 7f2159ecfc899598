package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"
)

// gitops is a controller that compares the cluster with a repository. It does
// so by server-side apply: mostly as a dry run, now and then for real, and
// most of the time nothing changes.
func (w *World) gitops(ctx context.Context, wg *sync.WaitGroup) {
	const manager = "argocd-controller"
	client, err := w.account("argocd/argocd-application-controller", "argocd-application-controller/v3.1.1 (linux/amd64) kubernetes/$Format")
	if err != nil {
		w.count(ctx, "gitops starts", err)
		return
	}
	w.every(ctx, wg, 400*time.Millisecond, 1, "gitops compares", func(ctx context.Context, rng *rand.Rand) error {
		return applyApplication(ctx, client, pick(rng, w.teams), rng.IntN(5), "1.0.0", metav1.PatchOptions{FieldManager: manager, Force: new(true), DryRun: []string{metav1.DryRunAll}})
	})
	w.every(ctx, wg, 3*time.Second, 2, "gitops syncs", func(ctx context.Context, rng *rand.Rand) error {
		version := fmt.Sprintf("1.%d.0", rng.IntN(4))
		return applyApplication(ctx, client, pick(rng, w.teams), rng.IntN(5), version, metav1.PatchOptions{FieldManager: manager, Force: new(true)})
	})
	// The platform's own workloads are compared too, privileged as they are.
	w.every(ctx, wg, 15*time.Second, 3, "gitops compares the platform", func(ctx context.Context, rng *rand.Rand) error {
		return applyDocument(ctx, client, pick(rng, platformDaemonSets()), metav1.PatchOptions{FieldManager: manager, Force: new(true), DryRun: []string{metav1.DryRunAll}})
	})
	w.every(ctx, wg, 2*time.Second, 4, "gitops writes its status", func(ctx context.Context, rng *rand.Rand) error {
		name := fmt.Sprintf("%s-svc-%d", pick(rng, w.teams), rng.IntN(5))
		body := fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q,"namespace":"argocd"},"spec":{"project":"default"},"status":{"sync":{"status":"Synced","revision":"%040x"},"health":{"status":"Healthy"}}}`, name, rng.Uint64())
		return client.CoreV1().RESTClient().Patch(types.ApplyPatchType).AbsPath("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/"+name).
			Param("fieldManager", manager).Param("force", "true").Body([]byte(body)).Do(ctx).Error()
	})
}

func platformDaemonSets() []string {
	var docs []string
	for doc := range strings.SplitSeq(platformManifest, "\n---\n") {
		if strings.Contains(doc, "kind: DaemonSet\n") {
			docs = append(docs, doc)
		}
	}
	return docs
}

func applyApplication(ctx context.Context, client kubernetes.Interface, ns string, i int, version string, o metav1.PatchOptions) error {
	for doc := range strings.SplitSeq(application(ns, fmt.Sprintf("svc-%d", i), version, 2+i%3), "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		if err := applyDocument(ctx, client, doc, o); err != nil {
			return err
		}
	}
	return nil
}

// applyDocument sends one object as a server-side apply.
func applyDocument(ctx context.Context, client kubernetes.Interface, doc string, o metav1.PatchOptions) error {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name, Namespace string
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
		return fmt.Errorf("read a manifest: %w", err)
	}
	body, err := yaml.YAMLToJSON([]byte(doc))
	if err != nil {
		return fmt.Errorf("convert a manifest: %w", err)
	}
	ns, name, kind := head.Metadata.Namespace, head.Metadata.Name, types.ApplyPatchType
	switch head.Kind {
	case "Deployment":
		_, err = client.AppsV1().Deployments(ns).Patch(ctx, name, kind, body, o)
	case "DaemonSet":
		_, err = client.AppsV1().DaemonSets(ns).Patch(ctx, name, kind, body, o)
	case "Service":
		_, err = client.CoreV1().Services(ns).Patch(ctx, name, kind, body, o)
	case "ConfigMap":
		_, err = client.CoreV1().ConfigMaps(ns).Patch(ctx, name, kind, body, o)
	default:
		err = fmt.Errorf("apply: no client for kind %q", head.Kind)
	}
	return err
}
