//go:build linux && (amd64 || arm64)

package kernel

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// Probe is the loaded sensor. Read is for one goroutine; the other methods may
// be called from any.
type Probe struct {
	opts    Options
	coll    *ebpf.Collection
	ring    *ring
	network *network // nil with Options.NoNetwork
	links   []io.Closer
	nonce   uint64 // see identify
	nested  bool   // the sensor is not in the first pid namespace

	namesMu sync.Mutex
	names   map[nameKey]uint32 // being watched

	closed    atomic.Bool
	detach    sync.Once
	detachErr error

	mu   sync.Mutex // held while the ring is read, and to close it
	seqs map[lane]uint64
	read atomic.Uint64
	lost atomic.Uint64
	bad  atomic.Uint64
}

// lane is where records are numbered.
type lane struct {
	cpu  uint32
	lane uint16
}

// Open loads the programs and attaches them. It needs CAP_BPF, CAP_PERFMON and,
// for the network's programs, CAP_NET_ADMIN, or CAP_SYS_ADMIN on its own.
func Open(o Options) (*Probe, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(supported(), lockdown(), permitted()); err != nil {
		return nil, err
	}
	locked := rlimit.RemoveMemlock() // needed before 5.11
	p := &Probe{opts: o, seqs: map[lane]uint64{}}
	if err := p.load(); err != nil {
		if errors.Is(err, ErrPermission) && locked != nil {
			err = fmt.Errorf("%w; before Linux 5.11 CAP_SYS_RESOURCE, too: %w", err, locked)
		}
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// load does what Open says, and leaves what it has done to Close.
func (p *Probe) load() error {
	spec, err := loadSensor()
	if err != nil {
		return fmt.Errorf("kernel: read the programs: %w", err)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("kernel: count the CPUs: %w", err)
	}
	spec.Maps["events"].MaxEntries = uint32(p.opts.RingBytes)
	spec.Maps["scratches"].MaxEntries = uint32(cpus)
	if err := p.dropMissing(spec); err != nil {
		return err
	}
	if p.coll, err = ebpf.NewCollection(spec); err != nil {
		return loadError(err)
	}
	if p.ring, err = newRing(p.coll.Maps["events"].FD(), p.opts.RingBytes); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if err := errors.Join(p.configure(), p.SetNames(p.opts.Names)); err != nil {
		return err
	}
	if err := p.attach(); err != nil {
		return err
	}
	if p.opts.NoNetwork {
		return nil
	}
	p.network, err = openNetwork(p.coll.Maps, p.opts.Network)
	return err
}

// Read waits for the next record and decodes it. It returns ErrClosed once the
// probe is closed, and ErrRecord for a record it cannot read, after which it
// may be called again.
func (p *Probe) Read(r *Record) error {
	for {
		ok, err := p.TryRead(r)
		if ok || err != nil {
			return err
		}
	}
}

// TryRead is Read, but it gives up with false when nothing comes within
// Options.Poll.
func (p *Probe) TryRead(r *Record) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return false, ErrClosed
	}
	b := p.ring.next()
	if b == nil {
		if err := p.ring.wait(p.opts.Poll); err != nil {
			return false, err
		}
		if b = p.ring.next(); b == nil {
			return false, nil
		}
	}
	tells, err := p.decode(r, b)
	p.ring.done()
	if err != nil {
		p.bad.Add(1)
		return false, err
	}
	return tells, nil
}

// decode decodes a record and what a payload in it says. It returns false for
// one that has nothing to tell, as a part of a DNS message has not.
func (p *Probe) decode(r *Record, b []byte) (bool, error) {
	err := r.decode(b)
	if err == nil || r.Seq != 0 { // one that is not read had its number all the same
		p.number(r)
	}
	if err != nil {
		return false, err
	}
	p.read.Add(1)
	if r.Network != nil && p.network != nil {
		return p.network.reader.read(r.Network), nil
	}
	return true, nil
}

// number counts the records that should have been between this one and the
// last of its lane.
func (p *Probe) number(r *Record) {
	if r.Lane >= lanes {
		return
	}
	l := lane{r.CPU, r.Lane}
	if want := p.seqs[l] + 1; r.Seq > want {
		p.lost.Add(r.Seq - want)
	}
	p.seqs[l] = r.Seq
}

// Stats says what was seen, sent and lost since Open.
func (p *Probe) Stats() (Stats, error) {
	s := Stats{Read: p.read.Load(), Lost: p.lost.Load(), Bad: p.bad.Load()}
	p.mu.Lock() // so that it is not closed meanwhile
	defer p.mu.Unlock()
	if p.closed.Load() {
		return s, ErrClosed
	}
	var all []counters
	if err := p.coll.Maps["counters"].Lookup(uint32(0), &all); err != nil {
		return s, fmt.Errorf("kernel: read the counters: %w", err)
	}
	for i := range all {
		s.add(&all[i])
	}
	return s, nil
}

// Nested reports whether this process counts processes otherwise than the
// machine does: it is in a pid namespace of its own, or of its node.
func (p *Probe) Nested() bool { return p.nested }

// Missing lists what this kernel or configuration does not let the sensor see.
func (p *Probe) Missing() []Missing {
	var out []Missing
	if p.coll.Programs[sensorProgModuleLoad] == nil {
		out = append(out, Missing{"names of kernel modules", "the kernel loads no modules"})
	}
	if p.network == nil {
		return append(out, Missing{"connections and DNS", "switched off"})
	}
	return append(out, p.network.Missing()...)
}

// Detach ends the programs: what they have put into the ring by then can still
// be read, and the counters, but nothing comes after it.
func (p *Probe) Detach() error {
	p.detach.Do(func() {
		p.detachErr = closeAll(p.links)
		if p.network != nil {
			p.detachErr = errors.Join(p.detachErr, p.network.detach())
		}
	})
	return p.detachErr
}

// Close detaches the programs and frees what they used. Read returns within
// Options.Poll.
func (p *Probe) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	errs := []error{p.Detach()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.network != nil {
		errs = append(errs, p.network.Close())
	}
	if p.ring != nil {
		errs = append(errs, p.ring.close())
	}
	if p.coll != nil {
		p.coll.Close()
	}
	return errors.Join(errs...)
}
