package api_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// TestCoverageManagement: who looks after the sensors of a cluster, by the
// detector's features and by what its API server says.
func TestCoverageManagement(t *testing.T) {
	s := newService(t)
	c := s.enable()
	now := time.Now()
	key := func(cluster string) store.SourceKey {
		return store.SourceKey{Source: "runtime", Account: account, Region: region, Cluster: cluster}
	}
	known := func(name string, managed bool, sensor store.ClusterSensor, fault string, nodes ...store.ClusterNode) *store.Cluster {
		sensor.Namespace, sensor.Name = "vedette", "vedette-sensor"
		return &store.Cluster{Account: account, Region: region, Name: name, Managed: managed, Wanted: managed, Since: now.Add(-time.Hour), At: now, NodesAt: now, Fault: fault, Sensor: sensor, Nodes: nodes}
	}
	old := now.Add(-24 * time.Hour)
	ours := store.ClusterSensor{Installed: true, Created: old, Desired: 2, Ready: 2, Updated: 2}
	clusters := []*store.Cluster{
		known("kept", true, ours, "", store.ClusterNode{Name: "a", Created: old, Pod: "p"}, store.ClusterNode{Name: "win", Created: old, Excluded: "the operating system is windows; the sensor needs Linux"}),
		known("ill", true, ours, "", store.ClusterNode{Name: "a", Created: old, Pod: "p"}, store.ClusterNode{Name: "b", Created: old, Pod: "q", Trouble: "the pod q cannot pull its image: ErrImagePull: no such host"}),
		known("new", true, store.ClusterSensor{Installed: true, Created: now, Desired: 1}, "", store.ClusterNode{Name: "a", Created: old, Pod: "p", Trouble: "the pod p is being started, since 2s"}),
		known("refused", true, store.ClusterSensor{}, "API server refuses:the right to patch is missing"),
		known("foreign", true, store.ClusterSensor{Foreign: true}, "Sensor not managed:the DaemonSet was not made by Vedette", store.ClusterNode{Name: "a", Created: old}),
		known("asked", false, store.ClusterSensor{}, ""),
	}
	err := s.store.Commit(t.Context(), func(tx *store.Tx) error {
		var errs []error
		for _, c := range clusters {
			errs = append(errs, tx.PutCluster(c))
		}
		for _, heard := range []string{"kept/a", "ill/a", "foreign/a", "theirs/x"} {
			cluster, node, _ := strings.Cut(heard, "/")
			errs = append(errs, tx.TouchSource(key(cluster), now, now),
				tx.PutNode(&store.Node{NodeKey: store.NodeKey{Account: account, Region: region, Cluster: cluster, Name: node}, Sensor: "vedette", Version: "1.0.0", Since: old, Heard: now}))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		management, status, addon, issue string
		covered, compatible              int64
	}
	read := func(in *guardduty.ListCoverageInput) map[string]row {
		t.Helper()
		in.DetectorId = aws.String(detectorID())
		out := map[string]row{}
		for _, r := range must(s.client(access.RoleReadOnly).ListCoverage(t.Context(), in))(t).Resources {
			d := r.ResourceDetails.EksClusterDetails
			one := row{string(d.ManagementType), string(r.CoverageStatus), "", aws.ToString(r.Issue), aws.ToInt64(d.CoveredNodes), aws.ToInt64(d.CompatibleNodes)}
			if d.AddonDetails != nil {
				one.addon = aws.ToString(d.AddonDetails.AddonVersion) + " " + aws.ToString(d.AddonDetails.AddonStatus)
			}
			out[aws.ToString(d.ClusterName)] = one
		}
		return out
	}
	check := func(want map[string]row) {
		t.Helper()
		got := read(&guardduty.ListCoverageInput{})
		for name, w := range want {
			g := got[name]
			if kind := g.issue; !strings.HasPrefix(kind, w.issue) || w.issue == "" && kind != "" {
				t.Errorf("%s: the issue is %q, want %q", name, kind, w.issue)
			}
			g.issue, w.issue = "", ""
			if g != w {
				t.Errorf("%s: %+v, want %+v", name, g, w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d resources, want %d: %v", len(got), len(want), got)
		}
	}
	feature := func(status, addon types.FeatureStatus) {
		t.Helper()
		in := &guardduty.UpdateDetectorInput{DetectorId: aws.String(detectorID()), Features: []types.DetectorFeatureConfiguration{{
			Name: types.DetectorFeatureRuntimeMonitoring, Status: status,
			AdditionalConfiguration: []types.DetectorAdditionalConfiguration{{Name: types.FeatureAdditionalConfigurationEksAddonManagement, Status: addon}},
		}}}
		must(c.UpdateDetector(t.Context(), in))(t)
	}
	const on, off = types.FeatureStatusEnabled, types.FeatureStatusDisabled

	feature(on, on)
	check(map[string]row{
		"kept":    {"AUTO_MANAGED", "HEALTHY", "1.0.0 ACTIVE", "Incompatible nodes:win (the operating system is windows", 1, 1},
		"ill":     {"AUTO_MANAGED", "HEALTHY", "1.0.0 DEGRADED", "", 1, 2}, // its status is set by who watches the sources
		"new":     {"AUTO_MANAGED", "UNHEALTHY", " CREATING", "Provisioning in progress:a (the pod p is being started", 0, 1},
		"refused": {"AUTO_MANAGED", "UNHEALTHY", " CREATE_FAILED", "API server refuses:the right to patch", 0, 0},
		"foreign": {"MANUAL", "HEALTHY", "1.0.0 ACTIVE", "Sensor not managed:", 1, 1},
		"asked":   {"DISABLED", "UNHEALTHY", "", "Sensor missing:no sensor of the cluster was heard; deploy it", 0, 0},
		"theirs":  {"MANUAL", "HEALTHY", "1.0.0 ACTIVE", "", 1, 1},
	})
	criteria := func(want ...string) *guardduty.ListCoverageInput {
		return &guardduty.ListCoverageInput{FilterCriteria: &types.CoverageFilterCriteria{FilterCriterion: []types.CoverageFilterCriterion{criterion("MANAGEMENT_TYPE", want, nil)}}}
	}
	for _, tc := range []struct {
		values, want []string
	}{
		{[]string{"AUTO_MANAGED"}, []string{"ill", "kept", "new", "refused"}},
		{[]string{"DISABLED"}, []string{"asked"}},
		{[]string{"MANUAL", "DISABLED"}, []string{"asked", "foreign", "theirs"}},
	} {
		var names []string
		for name := range read(criteria(tc.values...)) {
			names = append(names, name)
		}
		if slices.Sort(names); !slices.Equal(names, tc.want) {
			t.Errorf("%v: %v, want %v", tc.values, names, tc.want)
		}
	}

	feature(on, off) // what is still ours reports until it is gone
	got := read(&guardduty.ListCoverageInput{})
	if got["kept"].management != "DISABLED" || got["new"].management != "DISABLED" || !strings.HasPrefix(got["new"].issue, "Agent management disabled:") ||
		got["foreign"].management != "MANUAL" || got["theirs"].management != "MANUAL" {
		t.Errorf("without the management of the add-on: %+v", got)
	}
	clusters[0].Wanted, clusters[0].Sensor = false, store.ClusterSensor{Namespace: "vedette", Name: "vedette-sensor"}
	if err := s.store.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutCluster(clusters[0]) }); err != nil {
		t.Fatal(err)
	}
	if got := read(&guardduty.ListCoverageInput{}); got["kept"].management != "MANUAL" {
		t.Errorf("somebody else's sensors report: %+v", got["kept"])
	}
	feature(off, off)
	if got := read(&guardduty.ListCoverageInput{}); got["new"].management != "DISABLED" || !strings.HasPrefix(got["new"].issue, "Runtime Monitoring disabled:") {
		t.Errorf("without Runtime Monitoring: %+v", got["new"])
	}
	err = s.store.Commit(t.Context(), func(tx *store.Tx) error {
		for _, c := range clusters[1:3] { // ill and new
			c.Wanted, c.Left = false, true
			if err := tx.PutCluster(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const left = "Sensor left alone:the DaemonSet vedette/vedette-sensor is there"
	if got := read(&guardduty.ListCoverageInput{}); got["ill"].management != "MANUAL" || !strings.HasPrefix(got["ill"].issue, left) || got["new"].management != "DISABLED" || !strings.HasPrefix(got["new"].issue, left) {
		t.Errorf("nobody decided: %+v %+v", got["ill"], got["new"])
	}
}
