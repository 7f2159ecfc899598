package main

import (
	"errors"
	"os"
	"runtime"
	"strings"

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
	if own, err := caps.Own(); err == nil && len(denied) == 0 {
		if lacks := own.Lacks(caps.Load | caps.NetAdmin | caps.Run); lacks != 0 {
			d.say(statusNote, "sensor rights", "doctor runs without %v; a sensor that is started like this sees less or nothing: the DaemonSet gives it the five it needs", lacks)
		}
	}
}

func kernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(b))
}
