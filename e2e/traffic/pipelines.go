package traffic

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
)

// pipelines deploy: two with kubectl, two with Helm.
func (w *World) pipelines(ctx context.Context, wg *sync.WaitGroup) {
	for i := range 4 {
		actor := identity.Actor{Role: "ci-deployer", Session: fmt.Sprintf("runner-%d", i), Groups: []string{"deployers"}, IP: fmt.Sprintf("203.0.113.%d", 20+i)}
		seed := uint64(5000 + i)
		if i%2 == 0 {
			kubectl, err := w.c.Kubectl(actor)
			if err != nil {
				w.count(ctx, "pipeline starts", err)
				continue
			}
			w.every(ctx, wg, 12*time.Second, seed, "pipeline with kubectl", func(ctx context.Context, rng *rand.Rand) error { return w.kubectlDeploy(ctx, kubectl, rng) })
			continue
		}
		w.helm(ctx, wg, actor, seed)
	}
}

func (w *World) kubectlDeploy(ctx context.Context, kubectl *cluster.Kubectl, rng *rand.Rand) error {
	team, name := pick(rng, w.teams), fmt.Sprintf("ci-%d", rng.IntN(3))
	text := application(team, name, fmt.Sprintf("2.%d.0", rng.IntN(50)), 2)
	if rng.IntN(4) == 0 {
		if err := kubectl.Apply(ctx, text, "apply", "--dry-run=server", "-f", "-"); err != nil {
			return err
		}
	}
	if err := kubectl.Apply(ctx, text, "apply", "-f", "-"); err != nil {
		return err
	}
	return kubectl.Run(ctx, "-n", team, "rollout", "status", "deployment/"+name, "--timeout=30s")
}

// helm does what an upgrade does: it reads the releases, writes the new one
// as pending, patches the objects, and marks the release as deployed.
func (w *World) helm(ctx context.Context, wg *sync.WaitGroup, actor identity.Actor, seed uint64) {
	client, err := w.c.Client(actor, "Helm/3.18.6")
	if err != nil {
		w.count(ctx, "pipeline starts", err)
		return
	}
	revision := 0
	w.every(ctx, wg, 10*time.Second, seed, "pipeline with Helm", func(ctx context.Context, rng *rand.Rand) error {
		revision++
		ns, release := pick(rng, w.teams), fmt.Sprintf("app-%d", rng.IntN(3))
		secrets := client.CoreV1().Secrets(ns)
		labels := map[string]string{"owner": "helm", "name": release, "status": "pending-upgrade", "version": fmt.Sprint(revision)}
		if _, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "name=" + release + ",owner=helm"}); err != nil {
			return err
		}
		name := fmt.Sprintf("sh.helm.release.v1.%s.v%d-%d", release, seed, revision)
		s, err := secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Type: "helm.sh/release.v1",
			Data: map[string][]byte{"release": chart(rng)},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		body := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"rollme":"%d"}}}}}`, rng.IntN(1e6))
		target := fmt.Sprintf("svc-%d", rng.IntN(5))
		if _, err := client.AppsV1().Deployments(ns).Get(ctx, target, metav1.GetOptions{}); err != nil {
			return err
		}
		if _, err := client.AppsV1().Deployments(ns).Patch(ctx, target, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
			return err
		}
		s.Labels["status"] = "deployed"
		if _, err = secrets.Update(ctx, s, metav1.UpdateOptions{}); err != nil {
			return err
		}
		return secrets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "owner=helm,status=superseded"})
	})
}

// chart is a blob like that of a Helm release.
func chart(rng *rand.Rand) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	for range 500 {
		fmt.Fprintf(zw, "key: %d\n", rng.Uint64())
	}
	_ = zw.Close()
	return []byte(base64.StdEncoding.EncodeToString(b.Bytes()))
}
