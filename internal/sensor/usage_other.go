//go:build !linux

package sensor

import "time"

func cpuTime() time.Duration { return 0 }

func residentSize() int64 { return 0 }
