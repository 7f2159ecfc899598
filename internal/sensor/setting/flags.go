package setting

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
)

// Flags are what the command line says, as it is written there.
type Flags struct {
	Server string // its URL
	Uplink uplink.Server

	Stdout              bool
	Cluster, Node       string
	DataDir, HostRoot   string
	StateDirs, Builders []string
	NoMetadata          bool
	Containers          []string
	LogLevel, LogFormat string
	spool, memory       string
	cpu, hashes         string
	kinds               []string
	only                int
}

// Values are what was read of it.
type Values struct {
	CPU                     float64
	Memory, HashRate, Spool int64
	Kinds                   []event.RuntimeKind
	Only                    []uint32 // processes
}

// Register adds the flags to a command.
func (f *Flags) Register(cmd *cobra.Command) {
	p := cmd.Flags()
	p.StringVar(&f.Server, "server", "", "URL of the Vedette server")
	f.Uplink.Register(p)
	p.BoolVar(&f.Stdout, "stdout", false, "print the records as JSON lines")
	p.StringVar(&f.Cluster, "cluster", "", "name of the cluster that the node is in")
	p.StringVar(&f.Node, "node", os.Getenv("NODE_NAME"), "name of the node (default: $NODE_NAME, or the host's name)")
	p.StringVar(&f.DataDir, "data-dir", "vedette-sensor", "folder in which records wait while the server is away")
	p.StringVar(&f.spool, "max-spool", "256Mi", "how much may wait there, compressed; the oldest makes room")
	p.StringVar(&f.HostRoot, "host-root", "/", "where the node's root folder is mounted")
	p.StringSliceVar(&f.StateDirs, "runtime-state", nil, "more folders of the node in which a containerd keeps its state, as its config.toml says, beside the usual ones")
	p.StringSliceVar(&f.Builders, "build-image", nil, "more repositories of images that build images, such as your own copy of Kaniko: what their builds do is no finding")
	p.BoolVar(&f.NoMetadata, "no-metadata", false, "do not ask EC2's metadata service which instance this is")
	p.StringVar(&f.cpu, "cpu-limit", "200m", "how much of a CPU the sensor may use; above it the least important kinds are left out, and counted")
	p.StringVar(&f.memory, "memory-limit", "200Mi", "how much memory it may use")
	p.StringVar(&f.hashes, "hash-limit", "16Mi", "how many bytes of programs are read in a second for their SHA-256")
	p.StringSliceVar(&f.kinds, "kind", nil, "kinds of records, such as exec,connect (default: all that detection uses)")
	p.StringSliceVar(&f.Containers, "container", nil, "ids of the containers whose records are wanted (default: all, and the node's own)")
	p.IntVar(&f.only, "pid", 0, "look at this process and what it starts alone")
	p.StringVar(&f.LogLevel, "log-level", "info", "debug, info, warn or error")
	p.StringVar(&f.LogFormat, "log-format", "text", "text, or json")
}

// Read reads the values, and refuses what no sensor can do, by the flag's name.
func (f *Flags) Read() (Values, error) {
	var v Values
	switch {
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, f.LogLevel):
		return v, fmt.Errorf("--log-level %q is not known; use debug, info, warn or error", f.LogLevel)
	case f.LogFormat != "text" && f.LogFormat != "json":
		return v, fmt.Errorf("--log-format %q is not known; use text or json", f.LogFormat)
	case f.only < 0 || f.only > math.MaxInt32:
		return v, fmt.Errorf("--pid %d is no process", f.only)
	case f.only > 0:
		v.Only = []uint32{uint32(f.only)}
	}
	for _, k := range f.kinds {
		v.Kinds = append(v.Kinds, event.RuntimeKind(k))
	}
	var cpu, memory, hashes, spool error
	v.CPU, cpu = of("--cpu-limit", f.cpu, cores)
	v.Memory, memory = of("--memory-limit", f.memory, memorySize)
	v.HashRate, hashes = of("--hash-limit", f.hashes, byteSize)
	v.Spool, spool = of("--max-spool", f.spool, byteSize)
	return v, errors.Join(cpu, memory, hashes, spool,
		named("--kind", CheckKinds(v.Kinds)), named("--container", CheckContainers(f.Containers)), named("--runtime-state", checkStateDirs(f.StateDirs)))
}

// of reads the value of one flag.
func of[T any](flag, text string, read func(string) (T, error)) (T, error) {
	v, err := read(text)
	return v, named(flag, err)
}

func named(flag string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
