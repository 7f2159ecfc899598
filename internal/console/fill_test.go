package console_test

import (
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// manyFindings is how many the console must be quick with.
const manyFindings = 100_000

// fill stores n findings like those of a few clusters and accounts over 90
// days, up to now.
func (b *bed) fill(n int) {
	b.Helper()
	for i := 0; i < n; i += 1000 {
		var fs []*finding.Finding
		for j := i; j < min(i+1000, n); j++ {
			fs = append(fs, b.manyth(j, n))
		}
		b.put(fs...)
	}
}

// manyth is the i-th of n findings: calls of Kubernetes and of AWS and queries
// of domains, by thousands of users and from as many addresses.
func (b *bed) manyth(i, n int) *finding.Finding {
	kinds := []string{"Execution:Kubernetes/ExecInKubeSystemPod", "Policy:Kubernetes/AnonymousAccessGranted",
		"PrivilegeEscalation:Kubernetes/PrivilegedContainer", "Discovery:Kubernetes/SuccessfulAnonymousAccess",
		"UnauthorizedAccess:IAMUser/MaliciousIPCaller", "Trojan:EC2/DNSDataExfiltration"}
	f := b.sample(kinds[i*7%len(kinds)])
	at := b.now.Add(-time.Duration(n-i) * (90 * 24 * time.Hour / time.Duration(n)))
	f.ID = fmt.Sprintf("%032x", i)
	f.CreatedAt, f.UpdatedAt = finding.Timestamp(at.Add(-time.Hour)), finding.Timestamp(at)
	f.Title = fmt.Sprintf("The user user-%d did something in the namespace ns-%d that was never seen before.", i%5000, i%60)
	f.Severity = []float64{2, 5, 8, 5, 2, 5, 8, 9, 5, 2}[i*3%10]
	f.Service.Archived = i%4 == 0
	f.Service.EventFirstSeen, f.Service.EventLastSeen = f.CreatedAt, f.UpdatedAt
	f.Service.AdditionalInfo.Value = fmt.Sprintf(`{"evidence":{"why":"it is unusual","records":[{"auditID":"%032x","raw":"%01500d"}]}}`, i, i)
	remote := &finding.RemoteIPDetails{IPAddressV4: fmt.Sprintf("10.%d.%d.%d", i%7, i%200, i%250)}
	switch a := f.Service.Action; {
	case a.KubernetesAPICallAction != nil:
		f.Resource.EKSClusterDetails.Name = fmt.Sprintf("cluster-%d", i%9)
		f.Resource.KubernetesDetails = &finding.KubernetesDetails{
			KubernetesUserDetails: &finding.KubernetesUserDetails{Username: fmt.Sprintf("user-%d", i%5000),
				Groups: []string{"system:authenticated", fmt.Sprintf("team-%d", i%40)}},
			KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: fmt.Sprintf("pod-%d", i), Namespace: fmt.Sprintf("ns-%d", i%60),
				Containers: []finding.Container{{Image: "registry.example/app:1", ImagePrefix: "registry.example"}}},
		}
		a.KubernetesAPICallAction.RequestURI = fmt.Sprintf("/api/v1/namespaces/ns-%d/pods/pod-%d/exec", i%60, i)
		a.KubernetesAPICallAction.RemoteIPDetails = remote
	case a.AWSAPICallAction != nil:
		f.Resource.AccessKeyDetails.UserName = fmt.Sprintf("deployer-%d", i%3000)
		a.AWSAPICallAction.RemoteIPDetails = remote
	case a.DNSRequestAction != nil:
		f.Resource.InstanceDetails.InstanceID = fmt.Sprintf("i-%017x", i%4000)
		a.DNSRequestAction.Domain = fmt.Sprintf("d%d.example.net", i%9000)
	}
	return f
}
