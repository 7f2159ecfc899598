package main

import (
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/sensor/caps"
)

// TestDoctorInServersPod: what the server's container may not do is no matter of
// its sensors, which are asked elsewhere.
func TestDoctorInServersPod(t *testing.T) {
	d := &doctor{cfg: config.Default()}
	if said := d.noSensorHere(caps.Load | caps.NetAdmin | caps.Run); said != "" {
		t.Errorf("in a sensor's pod: %s", said)
	}
	if said := d.noSensorHere(0); !strings.Contains(said, "kubectl -n NAMESPACE exec ds/NAME -- vedette doctor --only sensor") {
		t.Error(said)
	}
	d.cfg.Kubernetes.Clusters = []config.KubernetesCluster{
		{Name: "prod", Sensor: config.ManagedSensor{Managed: true, Namespace: "watch", Name: "eyes"}},
		{Name: "far", Kubeconfig: "/etc/far", Sensor: config.ManagedSensor{Managed: true, Namespace: "far", Name: "far"}},
	}
	if said := d.noSensorHere(caps.Run); !strings.Contains(said, "kubectl -n watch exec ds/eyes -- vedette") {
		t.Error(said)
	}
	none := func(string) string { return "" }
	file := func(want string) func(string) bool { return func(path string) bool { return path == want } }
	for name, in := range map[string]bool{
		"a pod":   inContainer(func(k string) string { return map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}[k] }, file("")),
		"Docker":  inContainer(none, file("/.dockerenv")),
		"Podman":  inContainer(none, file("/run/.containerenv")),
		"machine": !inContainer(none, file("")),
	} {
		if !in {
			t.Errorf("%s is not told", name)
		}
	}
}
