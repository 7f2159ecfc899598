package finding

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Samples depend on their arguments alone: tests and demos may compare them.
func TestSampleIsDeterministic(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("x", 3600))
	ids := map[string]string{}
	for _, ft := range Catalog() {
		a, err := json.Marshal(Sample(ft, "111122223333", "eu-central-1", now))
		if err != nil {
			t.Fatalf("%s: %v", ft.Name, err)
		}
		b, _ := json.Marshal(Sample(ft, "111122223333", "eu-central-1", now))
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two samples differ", ft.Name)
		}
		f := Sample(ft, "111122223333", "eu-central-1", now.Add(time.Hour))
		if other := ids[f.ID]; other != "" {
			t.Errorf("%s and %s have the same id", ft.Name, other)
		}
		ids[f.ID] = ft.Name
		if first := Sample(ft, "111122223333", "eu-central-1", now); first.ID != f.ID || first.CreatedAt == f.CreatedAt {
			t.Errorf("%s: the id should not, and createdAt should, change with the time", ft.Name)
		}
		for _, other := range []*Finding{Sample(ft, "999999999999", "eu-central-1", now), Sample(ft, "111122223333", "us-east-1", now)} {
			if other.ID == f.ID {
				t.Errorf("%s: the same id in another account or region", ft.Name)
			}
		}
	}
}

// A sample must not be taken for an incident, nor accuse a real address.
func TestSampleIsMarked(t *testing.T) {
	for _, ft := range Catalog() {
		f := Sample(ft, "111122223333", "cn-north-1", time.Unix(1e9, 0))
		var info struct{ Sample bool }
		if err := json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info); err != nil || !info.Sample {
			t.Errorf("%s: additionalInfo %q: %v", ft.Name, f.Service.AdditionalInfo.Value, err)
		}
		if !strings.HasPrefix(f.Title, "[SAMPLE] ") || f.Description == "" || f.CreatedAt != "2001-09-09T01:46:40.000Z" {
			t.Errorf("%s: title %q at %s", ft.Name, f.Title, f.CreatedAt)
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "arn:aws:") || f.Partition != "aws-cn" {
			t.Errorf("%s: an ARN of another partition in %s", ft.Name, text)
		}
		if !strings.Contains(string(text), "GeneratedFinding") && ft.ResourceType != "EBSSnapshot" && ft.ResourceType != "EC2Image" {
			t.Errorf("%s: no placeholder in %s", ft.Name, text)
		}
	}
}

// The workshop's reader looks for these members of its findings.
func TestSampleOfTheWorkshop(t *testing.T) {
	sample := func(name string) *Finding {
		ft, ok := Lookup(name)
		if !ok {
			t.Fatalf("%s is not in the catalogue", name)
		}
		return Sample(ft, "111122223333", "us-west-2", time.Unix(1e9, 0))
	}
	call := sample("Execution:Kubernetes/ExecInKubeSystemPod").Service.Action.KubernetesAPICallAction
	if call.RequestURI != "/api/v1/namespaces/kube-system/pods/GeneratedFindingResourceName/exec" || call.Verb != "create" || call.StatusCode != 101 {
		t.Errorf("exec is %+v", call)
	}
	call = sample("Policy:Kubernetes/AdminAccessToDefaultServiceAccount").Service.Action.KubernetesAPICallAction
	if call.RequestURI != "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings" || call.StatusCode != 201 {
		t.Errorf("binding is %+v", call)
	}
	w := sample("PrivilegeEscalation:Kubernetes/PrivilegedContainer").Resource.KubernetesDetails.KubernetesWorkloadDetails
	if !w.Containers[0].SecurityContext.Privileged {
		t.Errorf("workload is %+v", w)
	}
	w = sample("Persistence:Kubernetes/ContainerWithSensitiveMount").Resource.KubernetesDetails.KubernetesWorkloadDetails
	if w.Volumes[0].HostPath == nil || w.Containers[0].VolumeMounts[0].Name != w.Volumes[0].Name {
		t.Errorf("workload is %+v", w)
	}
	u := sample("Discovery:Kubernetes/SuccessfulAnonymousAccess").Resource.KubernetesDetails.KubernetesUserDetails
	if u.Username != "system:anonymous" {
		t.Errorf("user is %+v", u)
	}
}
