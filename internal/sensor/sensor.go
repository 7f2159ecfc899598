package sensor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/lru"
	"github.com/vedette-project/vedette/internal/sensor/proc"
	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// ErrNotSupported says that this system or kernel cannot run the sensor; the
// error around it says what is missing.
var ErrNotSupported = errors.New("sensor: not supported here")

// probe is the kernel's part. *kernel.Probe is one.
type probe interface {
	TryRead(*kernel.Record) (bool, error)
	Stats() (kernel.Stats, error)
	Missing() []kernel.Missing
	Nested() bool
	Detach() error
	Close() error
}

// Sensor watches one node. Make one with New, run it once.
type Sensor struct {
	opts    Options
	probe   probe
	host    *host
	clock   *proc.Clock
	table   *proc.Table
	groups  *container.Groups
	store   *container.Store
	pods    *container.Pods    // nil without an API server
	watcher *container.Watcher // likewise
	users   *proc.Users
	hasher  *proc.Hasher
	roots   *lru.Map[string, kernel.Device] // of containers, by id
	budget  *budget
	fold    *fold
	wanted  map[event.RuntimeKind]bool
	weight  map[event.RuntimeKind]int
	tally   tally
	missing []string
	began   time.Time
	// shares says that the node is a container on a machine with others, and
	// the sensor in the node's pid namespace.
	shares bool

	// What a record is made in. It is used again for the next one.
	out       event.Runtime
	line      writer
	ancestors []event.Process
	emit      func([]byte, *event.Runtime) error
}

// patience is how long a file of a container, or a program, is waited for.
const patience = 2 * time.Second

// New makes a sensor and begins to watch: what happens from its return on is
// in the records, if it is not said to be lost. Close it if it is not run.
func New(o Options) (*Sensor, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(o.Memory / 10 * 9)
	if o.Kernel.Names == nil {
		o.Kernel.Names = WatchedNames()
	}
	s := &Sensor{opts: o, clock: proc.NewClock(proc.Now), began: time.Now(), tally: newTally()}
	if s.host, err = readHost(o); err != nil {
		return nil, err
	}
	if err := s.makeContainers(); err != nil {
		return nil, err
	}
	s.askNode()
	wait := proc.NewPatience(patience)
	s.table = proc.NewTable(s.host.node.BootID)
	s.users = proc.NewUsers(wait, time.Now)
	s.hasher = proc.NewHasher(o.Proc, max(o.HashRate, 0), wait, time.Now)
	s.budget = newBudget(o.CPU, time.Now, cpuTime)
	s.fold = newFold()
	s.roots = lru.New[string, kernel.Device](maxRoots)
	s.line.written = lru.New[*event.Process, []byte](maxWritten)
	s.weight = setting.Weights()
	s.wanted = map[event.RuntimeKind]bool{}
	for _, k := range o.Kinds {
		s.wanted[k] = true
	}
	s.out.Version = event.RuntimeVersion
	s.out.Sensor = event.Sensor{Name: "vedette", Version: o.Version, Session: o.Session}
	s.out.Node = s.host.node

	// The kernel watches before the processes are listed, so that none is missed
	// in between; what it says meanwhile waits in the ring.
	opened, err := kernel.Open(o.Kernel)
	if err != nil {
		if errors.Is(err, kernel.ErrNotSupported) {
			err = fmt.Errorf("%w: %w", ErrNotSupported, err)
		}
		return nil, errors.Join(err, s.groups.Close())
	}
	s.probe = opened
	for _, m := range s.probe.Missing() {
		s.lack(m.Feature + ": " + m.Reason)
	}
	s.askRights()
	if err := s.scan(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	debug.FreeOSMemory() // the kernel's types, read to load the programs, are needed no more
	return s, nil
}

// scan lists the processes that run already.
func (s *Sensor) scan() error {
	if s.probe.Nested() { // and /proc does not tell their numbers in the kernel's records
		s.shares = os.Getpid() != 1 // else the namespace is the sensor's own
		s.lack("network services and ancestors from before the sensor: the node is itself a container, or the sensor lacks the node's pid namespace (hostPID)")
		return nil
	}
	n, err := s.table.Scan(s.opts.Proc, s.clock, func(f *proc.Found) string {
		plainProcess(&f.Info)
		return s.placeOf(f.Cgroup)
	})
	if err != nil {
		return fmt.Errorf("sensor: list the processes: %w", err)
	}
	s.opts.Log.Info("the sensor watches", "processes", n, "session", s.out.Sensor.Session)
	return nil
}

// newSession is a number that no other run has.
func newSession() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// startFor bounds what is asked of others before the sensor starts.
const startFor = 5 * time.Second

// askNode finds out which machine this is, for others: in the cluster, in EC2.
// The sensor works without.
func (s *Sensor) askNode() {
	ctx, cancel := context.WithTimeout(context.Background(), startFor)
	defer cancel()
	service := s.opts.Metadata
	if service == "" && onEC2() {
		service = container.MetadataService
	}
	if service != "" && !s.opts.NoMetadata {
		if err := container.Instance(ctx, service, &s.host.node); err != nil {
			s.opts.Log.Warn("the instance is not known", "err", err)
		}
	}
	if s.watcher == nil {
		return
	}
	if err := s.watcher.Node(ctx, &s.host.node); err != nil {
		s.opts.Log.Warn("the node's object cannot be read", "err", err)
	}
}

// makeContainers prepares what tells containers and pods.
func (s *Sensor) makeContainers() error {
	if api := s.opts.API; api != nil {
		if api.Node == "" {
			api = &container.API{Server: api.Server, TokenFile: api.TokenFile, CAFile: api.CAFile, Node: s.host.node.Name}
		}
		s.pods = container.NewPods(time.Now)
		var err error
		if s.watcher, err = container.NewWatcher(*api, s.pods, s.opts.Log); err != nil {
			return fmt.Errorf("sensor: %w", err)
		}
	}
	s.store = container.NewStore(s.opts.Containers, s.pods, time.Now)
	var err error
	if s.groups, err = container.OpenGroups(s.host.groups); err != nil {
		s.lack("control groups by number, so containers that end at once may be nameless: " + err.Error())
		s.groups = container.ToldGroups()
	}
	return nil
}

// lack notes something that cannot be seen or told here.
func (s *Sensor) lack(what string) { s.missing = append(s.missing, what) }

// placeOf is the container of a control group's path; "" for the node's own.
func (s *Sensor) placeOf(path string) string {
	if c := s.store.Find(path); c != nil {
		return c.ID
	}
	return ""
}

// Close ends a sensor that was not run.
func (s *Sensor) Close() error { return errors.Join(s.probe.Close(), s.groups.Close()) }

// Run reads until ctx ends, or emit fails, and gives each record to emit: as a
// line of JSON without its end, and as it is. Both are used again as soon as
// emit returns; it must not keep them. emit must not wait for long: meanwhile
// the kernel's ring fills.
func (s *Sensor) Run(ctx context.Context, emit func(line []byte, r *event.Runtime) error) (err error) {
	s.emit = emit
	var side sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		side.Wait()
		err = errors.Join(err, s.Close())
	}()
	if s.watcher != nil {
		side.Go(func() { s.watcher.Run(ctx) })
	}
	s.budget.restart(time.Now()) // to load the programs takes a second's work
	if err := s.status(false); err != nil {
		return err
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	return errors.Join(s.drain(drainFor), s.status(true))
}

// read is the loop: a record, and what is due by the clock.
func (s *Sensor) read(ctx context.Context) error {
	var rec kernel.Record
	nextStatus, nextClock := s.began.Add(statusEvery), time.Time{}
	for n := 0; ctx.Err() == nil; n++ {
		ok, err := s.probe.TryRead(&rec)
		switch {
		case errors.Is(err, kernel.ErrRecord):
			s.opts.Log.Warn("a record of the kernel makes no sense", "err", err) // counted by the probe
		case err != nil:
			return fmt.Errorf("sensor: read from the kernel: %w", err)
		case ok:
			if err := s.handle(&rec); err != nil {
				return err
			}
		}
		if ok && n%64 != 0 {
			continue // the clock costs something, too
		}
		if pause := s.budget.check(); pause > 0 {
			sleep(ctx, pause)
		}
		now := time.Now()
		if now.After(nextClock) {
			if s.clock.Adjust() {
				s.opts.Log.Info("the time of day was set", "times", s.clock.Steps())
			}
			nextClock = now.Add(time.Second)
		}
		if now.After(nextStatus) {
			if err := s.status(false); err != nil {
				return err
			}
			nextStatus = now.Add(statusEvery)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// tally counts what became no record.
type tally struct {
	sent     int64
	lost     map[string]int64
	filtered map[string]int64
	skipped  map[string]int64
}

func newTally() tally {
	return tally{lost: map[string]int64{}, filtered: map[string]int64{}, skipped: map[string]int64{}}
}
