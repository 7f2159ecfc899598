package kernel

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotSupported says that this system or kernel cannot run the sensor; the
// error around it says what is missing.
var ErrNotSupported = errors.New("kernel: the sensor is not supported here")

// ErrClosed is what Read returns once the probe is closed.
var ErrClosed = errors.New("kernel: the probe is closed")

// Options are what an operator may set. The zero value is the default.
type Options struct {
	// RingBytes is the size of the ring buffer, a power of two from 64 KiB to
	// 1 GiB; 8 MiB by default.
	RingBytes int
	// Poll is how long a record may lie in the ring while few others come; 50 ms
	// by default, at most 1 s.
	Poll time.Duration
	// Rate and Burst bound the records of one process and one kind, per second
	// and at once, 200 and 1000 by default. Exec, fork and exit have no bound.
	Rate, Burst int
	// Names are the file names whose changes are told; see SetNames.
	Names []Name
	// WritersOnHost remembers who wrote a file also outside containers.
	WritersOnHost bool
	// NoNetwork leaves out connections and DNS.
	NoNetwork bool
	// Network is about connections and DNS.
	Network NetworkOptions
	// Only, if not empty, are the processes (pids of the first namespace) that are
	// looked at, with all that they start.
	Only []uint32
}

// withDefaults fills what is not set and checks what is.
func (o Options) withDefaults() (Options, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.RingBytes, 8<<20)
	set(&o.Rate, 200)
	set(&o.Burst, 1000)
	if o.Poll == 0 {
		o.Poll = 50 * time.Millisecond
	}
	switch {
	case o.RingBytes < 64<<10 || o.RingBytes > 1<<30 || o.RingBytes&(o.RingBytes-1) != 0:
		return o, fmt.Errorf("kernel: a ring buffer of %d bytes: it must be a power of two from 64 KiB to 1 GiB", o.RingBytes)
	case o.Poll < time.Millisecond || o.Poll > time.Second:
		return o, fmt.Errorf("kernel: poll every %v: it must be from 1ms to 1s", o.Poll)
	case o.Rate < 1 || o.Rate > 1e6 || o.Burst < 1 || o.Burst > 1e6:
		return o, fmt.Errorf("kernel: a rate of %d and a burst of %d: both must be from 1 to 1000000", o.Rate, o.Burst)
	}
	return o, nil
}

// Role is where in a path a name counts. Roles may be joined with |.
type Role uint32

// The roles of a name.
const (
	// Leaf is the last name of a path.
	Leaf Role = 1 << 0
	// Folder is one of the three names before it.
	Folder Role = 1 << 1
	// Socket is the last name of a Unix socket that is connected to.
	Socket Role = 1 << 2
	// Place is one of the three names before the last one, if that has an Ending.
	Place Role = 1 << 3
	// Ending is how the last name of a path in a Place ends: a dot and three to
	// five bytes. Of the files of a folder that one process changes within ten
	// seconds one is told.
	Ending Role = 1 << 4
)

// MaxName is the longest name that can be watched.
const MaxName = 31

// Name is a file name to look for.
type Name struct {
	Name string
	Role Role
}

func (n Name) check() error {
	if n.Name == "" || len(n.Name) > MaxName || n.Role == 0 || n.Role&^(Leaf|Folder|Socket|Place|Ending) != 0 {
		return fmt.Errorf("kernel: the name %q with role %d: it needs 1 to %d bytes and a role", n.Name, n.Role, MaxName)
	}
	for _, c := range []byte(n.Name) {
		if c == 0 || c == '/' {
			return fmt.Errorf("kernel: the name %q: it must be one name of a path", n.Name)
		}
	}
	if n.Role&Ending != 0 && (n.Name[0] != '.' || len(n.Name) < 4 || len(n.Name) > 6) {
		return fmt.Errorf("kernel: the ending %q: it must be a dot and three to five bytes", n.Name)
	}
	return nil
}
