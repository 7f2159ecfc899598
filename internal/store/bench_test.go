package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// benchFinding is the i-th of many findings that look like those of a few
// clusters over three months.
func benchFinding(i int) *finding.Finding {
	types := []string{"Execution:Kubernetes/ExecInKubeSystemPod", "Policy:Kubernetes/AnonymousAccessGranted",
		"PrivilegeEscalation:Kubernetes/PrivilegedContainer", "Discovery:Kubernetes/SuccessfulAnonymousAccess",
		"Persistence:Kubernetes/ContainerWithSensitiveMount"}
	severities := []float64{2, 5, 8, 5, 2, 5, 8, 9, 5, 2}
	return newFinding(fmt.Sprintf("%032x", i), day(0).Add(time.Duration(i)*77*time.Second), func(f *finding.Finding) {
		f.Type, f.Severity = types[i*7%len(types)], severities[i*3%len(severities)]
		f.Service.Archived = i%4 == 0
		f.Resource.EKSClusterDetails.Name = fmt.Sprintf("cluster-%d", i%9)
		f.Resource.KubernetesDetails = &finding.KubernetesDetails{
			KubernetesUserDetails: &finding.KubernetesUserDetails{Username: fmt.Sprintf("user-%d", i%5000),
				Groups: []string{"system:authenticated", fmt.Sprintf("team-%d", i%40)}},
			KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: fmt.Sprintf("pod-%d", i), Namespace: fmt.Sprintf("ns-%d", i%60),
				Containers: []finding.Container{{Image: "registry.example/app:1", ImagePrefix: "registry.example"}}},
		}
		f.Service.Action = &finding.Action{ActionType: "KUBERNETES_API_CALL", KubernetesAPICallAction: &finding.KubernetesAPICallAction{
			RequestURI: fmt.Sprintf("/api/v1/namespaces/ns-%d/pods/pod-%d/exec", i%60, i), Verb: "create", Resource: "pods",
			SourceIPs: []string{fmt.Sprintf("10.%d.%d.%d", i%7, i%200, i%250)}, UserAgent: "kubectl/v1.33.0", StatusCode: 101,
			RemoteIPDetails: &finding.RemoteIPDetails{IPAddressV4: fmt.Sprintf("10.%d.%d.%d", i%7, i%200, i%250)}}}
		f.Service.AdditionalInfo = &finding.ServiceAdditionalInfo{Type: "default",
			Value: fmt.Sprintf(`{"evidence":{"why":"exec into a pod","records":[{"auditID":"%032x","raw":"%01500d"}]}}`, i, i)}
	})
}

func benchStore(b *testing.B, n int) *store.Store {
	s := openAt(b, filepath.Join(b.TempDir(), "store.db"), store.Options{Now: newClock().now})
	for i := 0; i < n; i += 1000 {
		var fs []*finding.Finding
		for j := i; j < min(i+1000, n); j++ {
			fs = append(fs, benchFinding(j))
		}
		putRecords(b, s, fs...)
	}
	return s
}

func BenchmarkListFindings(b *testing.B) {
	s := benchStore(b, 100_000)
	const exec = "Execution:Kubernetes/ExecInKubeSystemPod"
	desc := func(field string) finding.Sort { return finding.Sort{Field: field, Descending: true} }
	for _, bm := range []struct {
		name string
		c    finding.Criteria
		sort finding.Sort
	}{
		{"all", nil, finding.Sort{}},
		{"active", finding.Criteria{"service.archived": is("false")}, finding.Sort{}},
		{"activeHigh", finding.Criteria{"service.archived": is("false"), "severity": {GreaterThanOrEqual: number(7)}}, finding.Sort{}},
		{"activeHighOfType", finding.Criteria{"service.archived": is("false"), "severity": {GreaterThanOrEqual: number(7)}, "type": is(exec)}, finding.Sort{}},
		{"severityEquals", finding.Criteria{"severity": is("9", "10")}, finding.Sort{}},
		{"bySeverity", finding.Criteria{"service.archived": is("false")}, desc("severity")},
		{"none", finding.Criteria{"type": is("Recon:EC2/Portscan")}, finding.Sort{}},
		{"commonCluster", finding.Criteria{"resource.eksClusterDetails.name": is("cluster-3")}, finding.Sort{}},
		{"rareUser", finding.Criteria{"resource.kubernetesDetails.kubernetesUserDetails.username": is("user-77")}, finding.Sort{}},
		{"noSuchUser", finding.Criteria{"resource.kubernetesDetails.kubernetesUserDetails.username": is("nobody")}, finding.Sort{}},
		{"notNamespace", finding.Criteria{"service.action.kubernetesApiCallAction.namespace": {NotEquals: []string{"kube-system"}}}, finding.Sort{}},
		{"prefix", finding.Criteria{"service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4": is("10.3.0.0/16")}, finding.Sort{}},
		{"prefixNone", finding.Criteria{"service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4": is("192.168.0.0/16")}, finding.Sort{}},
		{"byUsername", nil, desc("resource.kubernetesDetails.kubernetesUserDetails.username")},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.ListFindings(b.Context(), finding.Query{DetectorID: detectorID, Criteria: bm.c, Sort: bm.sort}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("lastPage", func(b *testing.B) {
		q := finding.Query{DetectorID: detectorID, Limit: 99_960}
		_, next, err := s.ListFindings(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		q.After, q.Limit = next, 50
		for b.Loop() {
			if ids, _, err := s.ListFindings(b.Context(), q); err != nil || len(ids) != 40 {
				b.Fatal(len(ids), err)
			}
		}
	})
	b.Run("statistics", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Statistics(b.Context(), detectorID, finding.Criteria{"service.archived": is("false")}, finding.GroupBySeverity, "DESC", 25); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("getPage", func(b *testing.B) {
		ids, _, err := s.ListFindings(b.Context(), finding.Query{DetectorID: detectorID})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if fs, err := s.Findings(b.Context(), detectorID, ids, finding.Sort{}); err != nil || len(fs) != 50 {
				b.Fatal(len(fs), err)
			}
		}
	})
}

// BenchmarkCommit merges into findings that are there, as detection does:
// each iteration is one commit of so many findings, state and a cursor.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchStore(b, 1000)
			i := 0
			for b.Loop() {
				err := s.Commit(b.Context(), func(tx *store.Tx) error {
					for range n {
						i++
						rec, err := tx.Finding(newRecord(benchFinding(i % 1000)).Merge.Identity)
						if err != nil {
							return err
						}
						rec.Finding.Service.Count++
						rec.Finding.UpdatedAt = finding.Timestamp(day(100).Add(time.Duration(i) * time.Second))
						if err := tx.PutFinding(rec); err != nil {
							return err
						}
					}
					return tx.PutCursor("journal", []byte("1"))
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFlatten(b *testing.B) {
	f := benchFinding(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := finding.Flatten(f); err != nil {
			b.Fatal(err)
		}
	}
}
