//go:build linux && (amd64 || arm64)

package kernel

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/vedette-project/vedette/internal/sensor/caps"
)

// The features of the network, each of some programs.
const (
	featureTCP    = "TCP connections and listeners"
	featureSlow   = "TCP connections without an answer, before they time out"
	featureUDP    = "UDP connections"
	featureBind   = "UDP listeners"
	featureSocket = "raw sockets"
	featureDNS    = "DNS answers and questions, and mining protocols"
)

// hook says what a program is for and, of those that are attached to a cgroup,
// as what.
type hook struct {
	program, feature string
	attach           ebpf.AttachType
}

// networkHooks are in the order in which they are attached.
func networkHooks() []hook {
	return []hook{
		{networkProgNetConnect4, featureUDP, ebpf.AttachCGroupInet4Connect},
		{networkProgNetConnect6, featureUDP, ebpf.AttachCGroupInet6Connect},
		{networkProgNetSendmsg4, featureUDP, ebpf.AttachCGroupUDP4Sendmsg},
		{networkProgNetSendmsg6, featureUDP, ebpf.AttachCGroupUDP6Sendmsg},
		{networkProgNetState, featureTCP, ebpf.AttachNone},
		{networkProgNetRetransmit, featureSlow, ebpf.AttachNone},
		{networkProgNetBind4, featureBind, ebpf.AttachCGroupInet4Bind},
		{networkProgNetBind6, featureBind, ebpf.AttachCGroupInet6Bind},
		{networkProgNetSocket, featureSocket, ebpf.AttachCGroupInetSockCreate},
		{networkProgNetEgress, featureDNS, ebpf.AttachCGroupInetEgress},
		{networkProgNetIngress, featureDNS, ebpf.AttachCGroupInetIngress},
	}
}

func (h hook) inCgroup(spec *ebpf.CollectionSpec) bool {
	return spec.Programs[h.program].Type != ebpf.Tracing
}

// network are the loaded and attached programs of bpf/network.bpf.c. Its maps
// but those it shares are its own. Close undoes openNetwork.
type network struct {
	reader  *networkReader // of the goroutine that reads the ring
	missing map[string]string
	maps    map[string]*ebpf.Map
	links   []io.Closer
	made    []io.Closer // maps that are not shared
}

// openNetwork loads and attaches what this kernel allows. A program that it
// does not allow becomes an entry of Missing, no error. shared are the maps of
// the other programs by name: events, counters, config, watch, buckets and
// flows, of which flows may be absent.
func openNetwork(shared map[string]*ebpf.Map, o NetworkOptions) (*network, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	spec, err := loadNetwork()
	if err != nil {
		return nil, fmt.Errorf("kernel: read the network's programs: %w", err)
	}
	var ports [maxDNSPorts]uint16
	for i, port := range o.DNSPorts {
		ports[i] = portOrder(port)
	}
	if err := spec.Variables["dns_ports"].Set(ports); err != nil {
		return nil, fmt.Errorf("kernel: set the DNS ports: %w", err)
	}
	n := &network{reader: newNetworkReader(), missing: map[string]string{}, maps: map[string]*ebpf.Map{}}
	if err := n.makeMaps(spec, shared); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	root, rootErr := cgroupRoot(o.Cgroup)
	for _, h := range networkHooks() {
		err := rootErr
		if rootErr == nil || !h.inCgroup(spec) {
			err = n.attach(spec, h, root)
		}
		if err != nil {
			n.missing[h.feature] = err.Error()
			if own, e := caps.Own(); e == nil && own.Lacks(caps.NetAdmin) != 0 && errors.Is(err, syscall.EPERM) {
				n.missing[h.feature] = fmt.Sprintf("this process has not %v", caps.NetAdmin)
			}
		}
	}
	return n, nil
}

// makeMaps takes the shared maps and makes the others.
func (n *network) makeMaps(spec *ebpf.CollectionSpec, shared map[string]*ebpf.Map) error {
	for name, m := range spec.Maps {
		if strings.HasPrefix(name, ".") {
			continue // the settings: each program has a copy
		}
		if s := shared[name]; s != nil {
			m.MaxEntries = s.MaxEntries() // the other programs' loader chose it
			n.maps[name] = s
			continue
		}
		made, err := ebpf.NewMap(m)
		if err != nil {
			return fmt.Errorf("kernel: make the map %s: %w", name, err)
		}
		n.maps[name] = made
		n.made = append(n.made, made)
	}
	return nil
}

// attach loads one program and attaches it: each on its own, so that one which
// the kernel refuses costs no other.
func (n *network) attach(spec *ebpf.CollectionSpec, h hook, root string) error {
	name, one := h.program, spec.Copy()
	maps.DeleteFunc(one.Programs, func(other string, _ *ebpf.ProgramSpec) bool { return other != name })
	coll, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{MapReplacements: n.maps})
	if err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	defer coll.Close() // the link keeps the program
	prog := coll.Programs[name]
	var l link.Link
	if h.inCgroup(spec) {
		l, err = link.AttachCgroup(link.CgroupOptions{Path: root, Attach: h.attach, Program: prog})
	} else {
		l, err = link.AttachTracing(link.TracingOptions{Program: prog})
	}
	if err != nil {
		return fmt.Errorf("attach %s: %w", name, err)
	}
	n.links = append(n.links, l)
	return nil
}

// Missing lists what cannot be seen here, by feature.
func (n *network) Missing() []Missing {
	var out []Missing
	for _, feature := range slices.Sorted(maps.Keys(n.missing)) {
		out = append(out, Missing{feature, n.missing[feature]})
	}
	return out
}

// details sums the counters of all CPUs.
func (n *network) details() (NetworkStats, error) {
	var all []details
	var sum NetworkStats
	if err := n.maps[networkMapDetails].Lookup(uint32(0), &all); err != nil {
		return sum, fmt.Errorf("kernel: read the network's counters: %w", err)
	}
	for _, d := range all {
		sum.NotDNS += d.NotDNS
		sum.Ownerless += d.Ownerless
		sum.OtherJSON += d.Unlike
	}
	return sum, nil
}

// details is bpf/network.bpf.c's struct details, of one CPU.
type details struct {
	NotDNS, Ownerless, Unlike uint64
}

// detach ends the programs.
func (n *network) detach() error {
	err := closeAll(n.links)
	n.links = nil
	return err
}

// Close detaches the programs and frees the maps that are not shared.
func (n *network) Close() error {
	err := errors.Join(n.detach(), closeAll(n.made))
	n.made = nil
	return err
}

// closeAll closes the last first.
func closeAll(all []io.Closer) error {
	var errs []error
	for _, c := range slices.Backward(all) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// NetworkStats says what became of payloads since Open. It waits while the ring
// is read.
func (p *Probe) NetworkStats() (NetworkStats, error) {
	if p.network == nil {
		return NetworkStats{}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return NetworkStats{}, ErrClosed
	}
	s, err := p.network.details()
	s.ReaderStats = p.network.reader.stats
	return s, err
}
