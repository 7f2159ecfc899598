package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/vedette-project/vedette/internal/kube/incluster"
	"github.com/vedette-project/vedette/internal/sensor/caps"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// sensor says what the sensor could see on this machine. Nothing here is a
// fault: few machines that run a server run a sensor as well.
func (d *doctor) sensor() {
	if runtime.GOOS != "linux" {
		d.say(statusNote, "sensor", "the runtime sensor needs Linux; this is %s", runtime.GOOS)
		return
	}
	own, ownErr := caps.Own()
	if ownErr == nil && len(d.only) == 0 && inContainer(os.Getenv, exists) {
		if said := d.noSensorHere(own); said != "" {
			d.say(statusOK, "sensor", "%s", said)
			return
		}
	}
	var missing, denied []kernel.Feature
	for _, f := range kernel.Features() {
		switch {
		case f.Err == nil:
		case errors.Is(f.Err, kernel.ErrPermission):
			denied = append(denied, f)
		default:
			missing = append(missing, f)
		}
	}
	for _, f := range missing {
		what := "the sensor does without"
		if f.Needed {
			what = "the sensor cannot run on this machine"
		}
		why := strings.TrimPrefix(f.Err.Error(), kernel.ErrNotSupported.Error()+": ")
		d.say(statusNote, "sensor: "+f.Name, "%s: %s; it is for %s", what, why, f.For)
	}
	switch {
	case len(denied) > 0:
		d.say(statusNote, "sensor", "not all could be looked at: %v; run doctor as root to know", denied[0].Err)
	case len(missing) == 0:
		d.say(statusOK, "sensor", "this machine (Linux %s) has all that the runtime sensor uses", kernelRelease())
	}
	if ownErr == nil && len(denied) == 0 {
		if lacks := own.Lacks(caps.Load | caps.NetAdmin | caps.Run); lacks != 0 {
			d.say(statusNote, "sensor rights", "doctor runs without %v; a sensor that is started like this sees less or nothing: the DaemonSet gives it the five it needs", lacks)
		}
	}
}

// inContainer reports whether this process runs in a pod or another container.
func inContainer(getenv func(string) string, exists func(path string) bool) bool {
	_, pod := incluster.Find(getenv)
	return pod || exists("/.dockerenv") || exists("/run/.containerenv")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// noSensorHere says that no sensor can run in a container with these rights, and
// where to ask instead: what a server's pod lacks of them is no matter of its
// sensors. It is "" where one can.
func (d *doctor) noSensorHere(own caps.Set) string {
	if own.Lacks(caps.Load) == 0 {
		return ""
	}
	namespace, name := "NAMESPACE", "NAME"
	for i := range d.cfg.Kubernetes.Clusters {
		if c := &d.cfg.Kubernetes.Clusters[i]; c.Kubeconfig == "" && c.Sensor.Managed {
			namespace, name = c.Sensor.Namespace, c.Sensor.Name
		}
	}
	return fmt.Sprintf("not looked at: no sensor runs in this container, which has not the rights for one; ask in a sensor's pod: kubectl -n %s exec ds/%s -- vedette doctor --only sensor", namespace, name)
}

func kernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(b))
}
