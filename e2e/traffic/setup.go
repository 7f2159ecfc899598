package traffic

import (
	"context"
	"fmt"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
)

// setup applies everything that was there before the day began.
func (w *World) setup(ctx context.Context) error {
	kubectl, err := w.c.Kubectl(identity.Admin())
	if err != nil {
		return err
	}
	// Only what is really executed runs on the real node.
	if err := kubectl.Run(ctx, "taint", "node", cluster.NodeName, "e2e/real=true:NoSchedule"); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(platformManifest)
	for _, o := range operators() {
		fmt.Fprintf(&b, operatorManifest, o.namespace, o.name)
	}
	for _, t := range w.teams {
		b.WriteString(strings.ReplaceAll(teamManifest, "TEAM", t))
		for i := range 5 {
			b.WriteString(application(t, fmt.Sprintf("svc-%d", i), "1.0.0", 2+i%3))
		}
	}
	for _, pass := range []string{"namespaces", "all"} {
		text := b.String()
		if pass == "namespaces" {
			text = namespaces(text)
		}
		if err := kubectl.Apply(ctx, text, "apply", "--server-side", "-f", "-"); err != nil {
			return err
		}
	}
	return w.fetchTokens(ctx)
}

// namespaces picks the Namespace documents, which must exist before the rest
// and whose default accounts need a moment to appear.
func namespaces(text string) string {
	var keep []string
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.Contains(doc, "kind: Namespace\n") {
			keep = append(keep, doc)
		}
	}
	return strings.Join(keep, "\n---\n")
}

// fetchTokens gets a token for each operator's service account, as its pod
// would be given one.
func (w *World) fetchTokens(ctx context.Context) error {
	seconds := int64(6 * 3600)
	for _, o := range operators() {
		for {
			t, err := w.admin.CoreV1().ServiceAccounts(o.namespace).CreateToken(ctx, o.name,
				&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
			if err == nil {
				w.tokens[o.namespace+"/"+o.name] = t.Status.Token
				break
			}
			if !apierrors.IsNotFound(err) || ctx.Err() != nil {
				return fmt.Errorf("get a token for %s/%s: %w", o.namespace, o.name, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// application is one deployment of a team with what belongs to it.
func application(ns, name, version string, replicas int) string {
	r := strings.NewReplacer("NS", ns, "NAME", name, "VERSION", version, "REPLICAS", fmt.Sprint(replicas))
	return r.Replace(applicationManifest)
}
