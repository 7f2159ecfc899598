//go:build !linux || !(amd64 || arm64)

package kernel

import (
	"fmt"
	"runtime"
)

// Probe is the loaded sensor; here there is none.
type Probe struct{}

func unsupported() error {
	return fmt.Errorf("%w: it needs Linux on amd64 or arm64, this is %s on %s", ErrNotSupported, runtime.GOOS, runtime.GOARCH)
}

// Open says that the sensor is not supported.
func Open(Options) (*Probe, error) { return nil, unsupported() }

// Read says that the sensor is not supported.
func (*Probe) Read(*Record) error { return unsupported() }

// TryRead says that the sensor is not supported.
func (*Probe) TryRead(*Record) (bool, error) { return false, unsupported() }

// Stats says that the sensor is not supported.
func (*Probe) Stats() (Stats, error) { return Stats{}, unsupported() }

// SetNames says that the sensor is not supported.
func (*Probe) SetNames([]Name) error { return unsupported() }

// Nested is false.
func (*Probe) Nested() bool { return false }

// Missing is empty.
func (*Probe) Missing() []Missing { return nil }

// NetworkStats says that the sensor is not supported.
func (*Probe) NetworkStats() (NetworkStats, error) { return NetworkStats{}, unsupported() }

// Detach does nothing.
func (*Probe) Detach() error { return nil }

// Close does nothing.
func (*Probe) Close() error { return nil }

// Features says that nothing is there.
func Features() []Feature {
	return []Feature{{"system", "all", true, unsupported()}}
}
