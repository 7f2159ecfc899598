package sensor

import (
	"fmt"

	"github.com/vedette-project/vedette/internal/sensor/caps"
)

// DropBefore gives up, for this process and for good, all that root may and a
// sensor need not. Call it before New, and DropAfter before Run.
func DropBefore() error {
	own, err := caps.Own()
	if err != nil {
		return fmt.Errorf("sensor: %w", err)
	}
	keep := caps.Setup
	if own&(caps.Load|caps.NetAdmin) != caps.Load|caps.NetAdmin {
		keep |= caps.SysAdmin // which runtimes that do not know CAP_BPF give instead
	}
	return caps.Keep(keep)
}

// DropAfter gives up what it took to load the programs. Before Linux 5.19 it
// takes CAP_BPF to read their counters, too.
func (s *Sensor) DropAfter() error {
	keep := caps.Run
	without := caps.Load | caps.NetAdmin | caps.SysAdmin
	works, err := caps.Works(without, func() error { _, err := s.probe.Stats(); return err })
	if err != nil {
		return fmt.Errorf("sensor: %w", err)
	}
	if !works {
		keep |= caps.BPF | caps.SysAdmin
	}
	return caps.Keep(keep)
}

// askRights notes what is not seen for want of rights.
func (s *Sensor) askRights() {
	own, err := caps.Own()
	if err != nil {
		return // the kernel's part has asked the same before
	}
	for _, r := range []struct {
		need caps.Set
		what string
	}{
		{caps.SysPtrace, "hashes of programs, names of users in containers, programs of processes from before the sensor"},
		{caps.DACReadSearch, "files of containers that only their owners may read"},
	} {
		if own.Lacks(r.need) != 0 {
			s.lack(fmt.Sprintf("%s: this process has not %v", r.what, r.need))
		}
	}
}
