package scenario

import (
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestStepsAreWellFormed(t *testing.T) {
	names := map[string]bool{}
	about := map[string]string{}
	for _, s := range append(All(), Undecided()...) {
		if names[s.Name] {
			t.Errorf("two steps are named %q", s.Name)
		}
		names[s.Name] = true
		if s.Do == nil {
			t.Errorf("step %q does nothing", s.Name)
		}
		for _, w := range s.Want {
			if Severity(w.Type) == 0 {
				t.Errorf("step %q wants type %q, whose severity is not known", s.Name, w.Type)
			}
			// Two wants about one thing would be one finding.
			key := w.Type + " " + w.Namespace + "/" + w.Resource + "/" + w.Name + " " + w.User
			if other := about[key]; other != "" {
				t.Errorf("steps %q and %q want the same finding: %s", other, s.Name, key)
			}
			about[key] = s.Name
		}
	}
}

func TestManifestsParse(t *testing.T) {
	manifests := []string{
		pod("ns", "n", privilegedPod), cronJob("ns", "n", onePrivileged), binding("n", "view", "["+ciSubject+", "+anonymousSubject+"]"), dashboardService("ns", "LoadBalancer"),
	}
	for _, kind := range []string{"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"} {
		manifests = append(manifests, workload("apps/v1", kind, "ns", "n", hostEtcPod))
	}
	manifests = append(manifests, workload("batch/v1", "Job", "ns", "n", onePrivileged))
	split := regexp.MustCompile(`(?m)^---\n`)
	for _, text := range []string{baseManifest, dashboardManifest, labPod} {
		manifests = append(manifests, split.Split(text, -1)...)
	}
	for _, m := range manifests {
		var object struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(m), &object); err != nil || object.Kind == "" || object.APIVersion == "" {
			t.Errorf("not an object (%v):\n%s", err, m)
		}
	}
}
