package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestPushesOfClouds: what Pub/Sub pushes and what a function of Azure hands
// on is taken by the path of the audit webhook, and is of the cluster that the
// records name; a name that the path has made longer stays.
func TestPushesOfClouds(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	entry := string(asGKE(t, []byte(attack("gke", 1))))
	other := strings.Replace(string(asGKE(t, []byte(attack("gke-eu", 1)))), `"cluster_name":"test"`, `"cluster_name":"shop"`, 1)
	pubsub := func(entry string) string {
		return fmt.Sprintf(`{"message":{"attributes":{},"data":%q,"messageId":"1","publishTime":"2026-01-31T12:00:01Z"},"subscription":"projects/shop/subscriptions/vedette"}`,
			base64.StdEncoding.EncodeToString([]byte(entry)))
	}
	hub := `{"records":[` + string(asAKS(t, []byte(attack("aks", 1)))) + `]}`
	for _, p := range []struct {
		cluster, body string
		status        int
	}{
		{"any", pubsub(entry), http.StatusOK},
		{"any", pubsub(entry), http.StatusOK}, // Pub/Sub delivers at least once
		{"shop-eu", pubsub(other), http.StatusOK},
		{"any", hub, http.StatusOK},
		{"any", pubsub(`{"insertId":"x","logName":"projects/p/logs/stdout","textPayload":"hello"}`), http.StatusOK}, // of another log: nothing to send again
		{"any", `{"message":{"data":"e30="}}`, http.StatusBadRequest},
		{"any", `{"message":{"data":"not base64"}}`, http.StatusBadRequest},
	} {
		if status := push(t, a, p.cluster, p.body); status != p.status {
			t.Errorf("%.80s to %s: %d, want %d", p.body, p.cluster, status, p.status)
		}
	}
	got := map[string]string{}
	for _, f := range stored(t, a) {
		if k := f.Resource.KubernetesDetails; k != nil && f.Service.FeatureName != "Correlation" {
			got[k.KubernetesUserDetails.Username] = fmt.Sprintf("%s %s ×%d", f.Type, f.Resource.EKSClusterDetails.Name, f.Service.Count)
		}
	}
	for user, want := range map[string]string{
		"gke": "Execution:Kubernetes/ExecInKubeSystemPod test ×1", "gke-eu": "Execution:Kubernetes/ExecInKubeSystemPod shop-eu ×1", "aks": "Execution:Kubernetes/ExecInKubeSystemPod test ×1",
	} {
		if got[user] != want {
			t.Errorf("%s: %q, want %q", user, got[user], want)
		}
	}
}
