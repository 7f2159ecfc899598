package main

import (
	"errors"
	"runtime"
	"strings"

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
		d.say(statusOK, "sensor", "this machine has all that the runtime sensor uses")
	}
}
