package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
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
	return benchFill(b, openAt(b, filepath.Join(b.TempDir(), "store.db"), store.Options{Now: newClock().now}), n)
}

func benchFill(b *testing.B, s *store.Store, n int) *store.Store {
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
	benchBoth(b, 100_000, benchList)
}

func benchList(b *testing.B, s *store.Store) {
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

// benchBoth runs a benchmark on each kind of store, which syncs its commits.
func benchBoth(b *testing.B, findings int, run func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, benchStore(b, findings)) })
	b.Run("postgres", func(b *testing.B) {
		server := testbed.PostgresWith(b, testbed.PostgresOptions{Durable: true})
		run(b, benchFill(b, openURL(b, server.URL("bench"), store.Options{Now: newClock().now}), findings))
	})
}

// mergeOne counts one more occurrence in the i-th finding, as detection does.
func mergeOne(tx *store.Tx, i int) error {
	rec, err := tx.Finding(newRecord(benchFinding(i % 1000)).Merge.Identity)
	if err != nil {
		return err
	}
	rec.Finding.Service.Count++
	rec.Finding.UpdatedAt = finding.Timestamp(day(100).Add(time.Duration(i) * time.Second))
	return tx.PutFinding(rec)
}

// BenchmarkCommit merges into findings that are there, as detection does:
// each iteration is one commit of so many findings, state and a cursor.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchBoth(b, 1000, func(b *testing.B, s *store.Store) {
				i := 0
				for b.Loop() {
					err := s.Commit(b.Context(), func(tx *store.Tx) error {
						for range n {
							i++
							if err := mergeOne(tx, i); err != nil {
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
		})
	}
}

// BenchmarkShardCommit is what a worker commits of a batch of 400 events that
// made two findings, by so many shards at once.
func BenchmarkShardCommit(b *testing.B) {
	for _, shards := range []int{1, 4} {
		b.Run(fmt.Sprint(shards), func(b *testing.B) {
			benchBoth(b, 1000, func(b *testing.B, s *store.Store) {
				resize(b, s, shards)
				var all sync.WaitGroup
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ResetTimer()
				for n := range shards {
					sh := claim(b, s, n, "worker")
					all.Go(func() {
						for at := uint64(0); left.Add(-1) >= 0; at++ {
							if err := commitBatch(b.Context(), s, n, sh.Epoch, at); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			})
		})
	}
}

func commitBatch(ctx context.Context, s *store.Store, n int, epoch int64, at uint64) error {
	scope := fmt.Sprint("scope", n)
	return s.Commit(ctx, func(tx *store.Tx) error {
		for k := range 2 {
			if err := mergeOne(tx, n*250+(int(at)*2+k)%250); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.PutState(scope, "model", make([]byte, 20_000)),
			tx.AddSeen(scope, int64(at)/1000, make([]byte, 400*16)),
			tx.AddLedger([]store.LedgerRow{{Source: "k8s-audit", Cluster: scope, Outcome: "evaluated", Count: 398},
				{Source: "k8s-audit", Cluster: scope, Outcome: "duplicate", Count: 2}}),
			tx.TouchSource(store.SourceKey{Source: "k8s-audit", Cluster: scope}, day(1), day(1)),
			tx.Advance(n, epoch, at, at+1))
	})
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
