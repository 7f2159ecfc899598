package sensor

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// Options say what to watch and what it may cost. The zero value watches all
// of this machine.
type Options struct {
	Version string // of the sensor
	Session string // tells this run from all others; "": one is made up
	Cluster string
	Node    string // its name in the cluster; "": the host's name

	// HostRoot is where the node's root folder is: "/", or "/host" in a pod.
	HostRoot string
	// Proc is where the node's processes are: "/proc".
	Proc       string
	Containers container.Options // HostRoot there is set from here
	// API is the API server that tells of pods; nil does without.
	API *container.API
	// NoMetadata leaves out to ask EC2 which instance this is, which is asked
	// only where the machine says that it is one. Metadata is whom to ask; "":
	// where EC2 answers.
	NoMetadata bool
	Metadata   string

	// Kinds are the kinds of records wanted; nil: setting.DefaultKinds.
	Kinds []event.RuntimeKind
	// InContainers, if not empty, are the ids, or beginnings of ids, of the
	// containers whose records are wanted.
	InContainers []string
	// Kernel is passed on. Only there has the kernel tell of some processes and
	// their children alone; Names, if nil, is set to WatchedNames.
	Kernel kernel.Options

	// CPU is how much of a CPU the sensor may use; 0: DefaultCPU. Above it,
	// kinds of less weight are left out, and said to be lost.
	CPU float64
	// Memory is how many bytes it may use; 0: DefaultMemory.
	Memory int64
	// HashRate is how many bytes of executables are read in a second for their
	// SHA-256; 0: DefaultHashRate; below 0 none are read.
	HashRate int64

	// Before is the run before this one; the first record tells it.
	Before *event.Session
	// Discarded is asked, for each status record, how many records were given up
	// after this package had given them away. It may be nil.
	Discarded func() int64
	Log       *slog.Logger // nil: nothing is logged
}

// The defaults, below what is usual for such a sensor: 200 millicores, 256 MiB.
const (
	DefaultCPU      = 0.2
	DefaultMemory   = 200 << 20
	DefaultHashRate = 16 << 20
)

// statusEvery is how often the sensor says how it is.
const statusEvery = time.Minute

// withDefaults fills what is not set and checks what is.
func (o Options) withDefaults() (Options, error) {
	text := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	text(&o.HostRoot, "/")
	text(&o.Proc, "/proc")
	text(&o.Session, newSession())
	if o.Kernel.Network.Cgroup == "" && o.HostRoot != "/" {
		o.Kernel.Network.Cgroup = unified(o.HostRoot)
	}
	o.Containers.HostRoot = o.HostRoot
	if o.CPU == 0 {
		o.CPU = DefaultCPU
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.HashRate == 0 {
		o.HashRate = DefaultHashRate
	}
	if o.Kinds == nil {
		o.Kinds = setting.DefaultKinds()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, err := range []error{setting.CheckCPU(o.CPU), setting.CheckMemory(o.Memory), setting.CheckKinds(o.Kinds), setting.CheckContainers(o.InContainers)} {
		if err != nil {
			return o, fmt.Errorf("sensor: %w", err)
		}
	}
	return o, nil
}
