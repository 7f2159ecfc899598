package detect

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/intel/geo"
)

// ageOfAccount are the days on which an account's flows must have been seen
// before what is new in it is news.
const ageOfAccount = 7

// hourOf and dayOf number the hours and days of event time, within what can be
// reckoned with.
func hourOf(at time.Time) int32 {
	const most = 1 << 29
	return int32(min(max(at.Unix()/3600, -most), most))
}

func dayOf(hour int32) int32 { return hour / 24 }

// isWeekend reports whether an hour is of a Saturday or Sunday; the first hour
// was of a Thursday.
func isWeekend(hour int32) bool {
	d := (dayOf(hour) + 4) % 7
	return d == 0 || d == 6
}

// group is a number for the machines that are like one: those of its
// autoscaling or node group, of its image and role, of its security groups, or
// else of its subnet. What nobody told of is passed over.
func (r *record) group(v *view) uint64 {
	f := v.f
	subnet := f.Subnet
	if id := r.instance(v); id != "" {
		if d := r.account.instances.byID.get(id); d != nil {
			for _, key := range []string{"aws:autoscaling:groupName", "eks:nodegroup-name", "aws:elasticmapreduce:job-flow-id", "aws:cloudformation:stack-name"} {
				for _, t := range d.Tags {
					if t.Key == key {
						return mixSeed.string(key).byte('=').string(t.Value).sum()
					}
				}
			}
			if p := d.IAMInstanceProfile; p != nil && p.ARN != "" && d.ImageID != "" {
				return mixSeed.string(p.ARN).byte(' ').string(d.ImageID).sum()
			}
			for _, n := range d.NetworkInterfaces {
				if len(n.SecurityGroups) > 0 {
					var ids []string
					for _, g := range n.SecurityGroups {
						ids = append(ids, g.GroupID)
					}
					slices.Sort(ids)
					return mixSeed.string(strings.Join(ids, " ")).sum()
				}
				if subnet == "" {
					subnet = n.SubnetID
				}
			}
		}
	}
	if subnet != "" {
		return mixSeed.string(subnet).sum()
	}
	bits := 24
	if v.local.Is6() {
		bits = 64
	}
	p, err := v.local.Prefix(bits)
	if err != nil {
		return 1
	}
	return mixSeed.string(f.VPC).addr(p.Addr()).sum()
}

// Kinds of networks, in the top byte of a number for one.
const (
	netASN     = 1 << 56
	netPrefix4 = 2 << 56
	netPrefix6 = 3 << 56
	netService = 4 << 56
)

// knownNet is an address that was looked up, and where.
type knownNet struct {
	addr netip.Addr
	db   *geo.DB
	net  uint64
}

const maxKnownNets = 1 << 11

// network is a number for the network of a flow's peer: the AWS service or
// the autonomous system, as far as the format or a database tells, else the
// block of addresses.
func (r *record) network(v *view) uint64 {
	if v.outgoing && v.f.DstService != "" {
		return netService | mixSeed.string(v.f.DstService).sum()>>8
	}
	// Beside the tables: the same answers from a database take less time.
	s, a := r.account.net, v.remote
	if s.knownNets == nil {
		s.knownNets = make([]knownNet, maxKnownNets)
	}
	p := &s.knownNets[mixSeed.addr(a).sum()%maxKnownNets]
	if p.addr == a && p.db == r.opts.Geo {
		return p.net
	}
	*p = knownNet{addr: a, db: r.opts.Geo}
	switch asn := r.opts.Geo.Lookup(a).ASN; {
	case asn != 0:
		p.net = netASN | uint64(asn)
	case a.Is4():
		b := a.As4()
		p.net = netPrefix4 | uint64(b[0])<<8 | uint64(b[1])
	default:
		b := a.As16()
		p.net = netPrefix6 | uint64(binary.BigEndian.Uint32(b[:4]))
	}
	return p.net
}

// networkName is the network of a flow's peer in a sentence.
func (r *record) networkName(v *view) string {
	switch n := r.network(v); n & (0xff << 56) {
	case netService:
		return "the AWS service " + strings.Clone(v.f.DstService)
	case netASN:
		p := r.opts.Geo.Lookup(v.remote)
		return strings.TrimSpace(fmt.Sprintf("AS%d %s", p.ASN, p.ASOrg))
	}
	bits := 16
	if v.remote.Is6() {
		bits = 32
	}
	p, err := v.remote.Prefix(bits)
	if err != nil {
		return v.remote.String()
	}
	return "the network " + p.String()
}

// asnOrg is the organization of a flow's peer, "" where no database tells.
func (r *record) asnOrg(v *view) string { return r.opts.Geo.Lookup(v.remote).ASOrg }

// What tallies are of. The account's have the group 0.
const (
	ofPorts   = 'p'
	ofNets    = 'n'
	ofSizes   = 's'
	ofMembers = 'm'
	ofTold    = 't'
)

// tallyKey is the key of a tally: of a value, or with value 0 of all.
type tallyKey [1 + 8 + 8]byte

func keyOf(of byte, group, value uint64) (k tallyKey) {
	k[0] = of
	binary.LittleEndian.PutUint64(k[1:], group)
	binary.LittleEndian.PutUint64(k[9:], value)
	return k
}

func (s *netState) tally(of byte, group, value uint64, hour int32) tally {
	k := keyOf(of, group, value)
	return s.usual.get(string(k[:])).now(hour)
}

func (s *netState) count(of byte, group, value uint64, at time.Time, isNew bool) {
	k := keyOf(of, group, value)
	s.usual.touch(string(k[:]), at).add(hourOf(at), isNew)
}

// teach tells a machine's group that it learned a value, and the account what
// is new to the group.
func (s *netState) teach(of byte, group, value uint64, at time.Time) {
	for _, g := range [2]uint64{group, 0} {
		k := keyOf(of, g, value)
		isNew := s.usual.get(string(k[:])).now(hourOf(at)).n == 0
		s.count(of, g, value, at, false)
		s.count(of, g, 0, at, isNew)
		if !isNew {
			return
		}
	}
}

// remind tells a machine's group again what the machine still uses.
func (s *netState) remind(of byte, group uint64, v *values, at time.Time) {
	era := hourOf(at) / eraOfUsage
	for i := range v.list {
		x := &v.list[i]
		if x.doubt != learnedValue {
			continue
		}
		for _, g := range [2]uint64{group, 0} {
			k := keyOf(of, g, x.id)
			t := s.usual.get(string(k[:]))
			isFirst := t == nil || t.era < era
			s.count(of, g, x.id, at, false)
			if !isFirst {
				break
			}
		}
	}
	for _, g := range [2]uint64{group, 0} { // kept, and not counted
		k := keyOf(of, g, 0)
		if s.usual.get(string(k[:])) != nil {
			s.usual.touch(string(k[:]), at)
		}
	}
}

// How many others make a value nobody's news: machines of the group, or groups
// of the account.
const (
	commonInGroup   = 2
	commonInAccount = 3
)

// beyond is how much more a value that is new to a machine surprises in view
// of its group and account, in thousandths; common says that to them it is no
// news at all.
func (s *netState) beyond(of byte, group, value uint64, hour int32) (score int, common bool) {
	for _, g := range [2]uint64{group, 0} {
		enough := uint32(commonInGroup)
		if g == 0 {
			enough = commonInAccount
		}
		all, it := s.tally(of, g, 0, hour), s.tally(of, g, value, hour)
		if it.n >= enough {
			return 0, true
		}
		if it.n > 0 {
			return score + logOf(all.n+all.novel, all.novel+it.n), false
		}
		score += surprise(all.n, all.novel)
	}
	return score, false
}

// hasAge reports whether an account has been known long enough.
func (s *netState) hasAge(hour int32) bool {
	d := s.age.get(watching)
	return d != nil && d.days.n >= ageOfAccount && hour-d.first >= ageOfAccount*24
}

// accountAge is on how many days flows of an account were seen.
type accountAge struct {
	first int32 // hour
	days  ticks
}

// MarshalBinary and UnmarshalBinary bring an account's age into a table's log.
func (a *accountAge) MarshalBinary() ([]byte, error) {
	return a.days.append(appendInts(nil, int64(a.first))), nil
}

func (a *accountAge) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	a.first, a.days = int32(s.int()), s.ticks()
	return s.err()
}

// grow notes that flows of the account were seen at an hour.
func (s *netState) grow(at time.Time) {
	hour := hourOf(at)
	a := s.age.get(watching)
	if a != nil && a.days.has(dayOf(hour)) && hour >= a.first {
		return
	}
	isNew := a == nil
	a = s.age.touch(watching, at)
	if isNew {
		a.first = hour
	}
	a.first = min(a.first, hour)
	a.days.tick(dayOf(hour))
}
