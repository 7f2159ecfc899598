package detect

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"
)

// When traffic to one public host is unusual.
const (
	maxSent  = 50_000 // pairs of a machine and a host
	sentIdle = 30 * 24 * time.Hour

	// sizeUnit is what smaller records stand for, as often as they have bytes:
	// a small record in its turn counts as a whole unit or as nothing, so that
	// ordinary records change no table and many small ones still add up.
	sizeUnit = 256 << 10
	// unusualBytes is the least amount of an hour that a finding tells of.
	unusualBytes = 100 << 20
	// unusualVolume is -log10 of the chance of such an hour, in thousandths, and
	// newPeer is what a host in a network new to the machine adds.
	unusualVolume = 6000
	newPeer       = 2500
	// hintedVolume is what only hints.
	hintedVolume = 4000
	// farMore is how many times the most that the host ever got in an hour it
	// must be, where the machine has sent to it before.
	farMore = 16
	// daysOfOwn are those after which a machine is judged by itself, and not by
	// its peers; manyPeers are those that it then takes.
	daysOfOwn = 5
	manyPeers = 3
)

const (
	sizeBuckets = 24 // 256 KiB to 4 TiB, in powers of two
	sizeClasses = 4  // by who called, and whether it is a weekend
)

// sizes are the hours of a machine by the most that it sent to one host in
// them, in powers of two. Hours with less than a unit are in none.
type sizes struct {
	hours [sizeBuckets]uint16
	open  [2]openHour // records come out of order
}

// openHour is an hour that may still grow, with the bucket it is in, from 1.
type openHour struct {
	hour int32
	top  int8
}

// sent is what a machine sends to one host.
type sent struct {
	open  [2]sentHour
	most  int64 // of the hours before
	hours uint32
	first int32
	told  int32 // hour of the first finding
}

type sentHour struct {
	hour  int32
	bytes int64
}

func bucketOfSize(n int64) int {
	return min(max(bits.Len64(uint64(n/sizeUnit))-1, 0), sizeBuckets-1)
}

// volume adds up what a machine sends to a public host, and raises
// TrafficVolumeUnusual where that is far beyond what is usual.
func (r *record) volume(v *view, key string, listed bool) {
	n := weighed(v)
	if n == 0 {
		return
	}
	s, at, hour := r.account.net, r.ev.Time, hourOf(r.ev.Time)
	pairKey := pairOf(key, v, 0)
	pair := s.sent.touch(string(pairKey[:]), at)
	isNew := pair.hours == 0
	if isNew {
		pair.first = hour
	}
	before, now := pair.add(hour, n)
	if !isNew && before > 0 && bucketOfSize(before) == bucketOfSize(now) {
		return
	}
	u := s.usages.touch(key, at)
	c := u.class(v.opened == remoteSide, hour)
	own := c.at(hour)
	if now >= unusualBytes && !listed && r.judgeVolume(u, c, own, pair, v, now) {
		if pair.told == 0 {
			pair.told = hour
		}
	}
	if pair.told != 0 && hour-pair.told < toldFor {
		return // what a finding tells of is no habit yet
	}
	if b := int8(bucketOfSize(now)) + 1; b > own.top {
		if own.top > 0 && c.hours[own.top-1] > 0 {
			c.hours[own.top-1]--
		}
		own.top = b
		if c.hours[b-1] < 1<<16-1 {
			c.hours[b-1]++
		}
		if now >= unusualBytes {
			s.count(ofSizes, u.group, uint64(b), at, false)
		}
	}
}

// pairOf is the key of a machine and a port of a host, or the host with 0.
func pairOf(key string, v *view, port uint16) (k [8]byte) {
	h := mixSeed.string(key).addr(v.remote).byte(byte(port)).byte(byte(port >> 8))
	binary.LittleEndian.PutUint64(k[:], h.sum())
	return k
}

// weighed is what a record counts for: its bytes, or a unit as often as its
// bytes are to one.
func weighed(v *view) int64 {
	f := v.f
	n := min(max(f.Bytes, 0), mostInFlow)
	if n >= sizeUnit {
		return n
	}
	h := mixSeed.addr(v.remote) ^ mix(uint64(v.lport)<<48|uint64(v.rport)<<32) ^ mix(uint64(f.Start.Unix())<<16) ^ mix(n) ^ mix(f.Packets)<<40
	if int64(h.byte(byte(n)).sum()>>8%sizeUnit) < n {
		return sizeUnit
	}
	return 0
}

// add adds bytes to an hour, and returns what it had before and has now.
func (p *sent) add(hour int32, n int64) (before, now int64) {
	o := &p.open[hour&1]
	if o.hour != hour || o.bytes == 0 {
		p.most = max(p.most, o.bytes)
		*o = sentHour{hour: hour}
		p.hours++
	}
	before = o.bytes
	o.bytes = min(o.bytes+n, 1<<60)
	return before, o.bytes
}

// usual is the most that the host got in an hour other than this.
func (p *sent) usual(hour int32) int64 {
	most := p.most
	for _, o := range p.open {
		if o.hour != hour {
			most = max(most, o.bytes)
		}
	}
	return most
}

// class is where a machine's hours of a kind are counted.
func (u *usage) class(answers bool, hour int32) *sizes {
	if u.sizes == nil {
		u.sizes = make([]sizes, sizeClasses)
	}
	return &u.sizes[oneIf(answers)<<1|oneIf(isWeekend(hour))]
}

// at is the open hour of a number.
func (c *sizes) at(hour int32) *openHour {
	o := &c.open[hour&1]
	if o.hour != hour {
		*o = openHour{hour: hour}
	}
	return o
}

// tail is -log10 of the chance of an hour with so much, in thousandths, in
// view of all hours but the one that is open. Beyond the largest, each power of
// two is less likely than the one before it by what the mean excess of the
// highest quarter tells, with one hour a power of two higher given for a start.
func (c *sizes) tail(bucket int, own *openHour, hours uint32) int {
	hoursOf := func(b int) uint32 {
		n := uint32(c.hours[b])
		if n > 0 && int(own.top) == b+1 {
			n--
		}
		return n
	}
	all, largest, above := uint32(0), -1, uint32(0)
	for b := range sizeBuckets {
		if n := hoursOf(b); n > 0 {
			largest = b
			if all += n; b >= bucket {
				above += n
			}
		}
	}
	hours = max(hours, all)
	if above > 0 {
		return logOf(hours+1, above+1)
	}
	high, seen := 0, uint32(0)
	for ; high < sizeBuckets-1; high++ {
		if seen += hoursOf(high); seen > 0 && seen >= all-all/4 {
			break
		}
	}
	if all == 0 {
		high = 0
	}
	excess, over := uint32(1), uint32(1)
	for b := high; b <= largest; b++ {
		excess += hoursOf(b) * uint32(b-high)
		over += hoursOf(b)
	}
	return logOf(hours+1, 1) + (bucket-largest)*logOf(excess+over, excess)
}

// judgeVolume raises the finding where it is due.
func (r *record) judgeVolume(u *usage, c *sizes, own *openHour, p *sent, v *view, bytes int64) bool {
	s, hour := r.account.net, hourOf(r.ev.Time)
	if !s.hasAge(hour) || r.opts.trustedEnd(v) {
		return false
	}
	if most := p.usual(hour); most > 0 && bytes/farMore < most && hour-p.first >= doubtedFor {
		return false
	}
	bucket := bucketOfSize(bytes)
	if r.peersSend(u, c, bucket) {
		return false
	}
	hours := u.hours.n
	if isWeekend(hour) {
		hours = hours * 2 / 7
	}
	if u.days.n < daysOfOwn {
		if s.tally(ofMembers, u.group, 0, hour).n <= manyPeers {
			return false
		}
	}
	score := c.tail(bucket, own, hours)
	network := r.network(v)
	x := u.nets.find(network)
	others := s.tally(ofNets, u.group, network, hour).n
	if x != nil && x.doubt == learnedValue && others > 0 {
		others--
	}
	isNew := others < commonInGroup && (x.isNew(hour) || hour-x.first < doubtedFor) && hour-p.first < doubtedFor
	if isNew {
		score += newPeer
	}
	if score < unusualVolume {
		if score >= hintedVolume {
			r.hint(HintVolume, r.instance(v), v.remote.String())
		}
		return false
	}
	week := uint64(bucket)<<40 | uint64(uint32(dayOf(hour)/7))
	if p.told == 0 {
		if s.tally(ofTold, u.group, week, hour).n >= rollout {
			return false
		}
		s.count(ofTold, u.group, week, r.ev.Time, false)
	}
	r.unusualVolume(u, c, p, v, bytes, score, isNew)
	return true
}

// peersSend reports whether other machines of the group have had such hours.
func (r *record) peersSend(u *usage, c *sizes, bucket int) bool {
	s, hour := r.account.net, hourOf(r.ev.Time)
	theirs := uint32(0)
	for b := max(bucket-1, 0); b < sizeBuckets; b++ {
		own := uint32(0)
		for i := range u.sizes {
			own += uint32(u.sizes[i].hours[b])
		}
		n := s.tally(ofSizes, u.group, uint64(b)+1, hour).n
		theirs += n - min(n, own)
	}
	return theirs >= commonInGroup
}

func (r *record) unusualVolume(u *usage, c *sizes, p *sent, v *view, bytes int64, score int, isNew bool) {
	who := r.name(v)
	s := r.claimFlow("Behavior:EC2/TrafficVolumeUnusual", v.remote.String(), v)
	s.Role = "ACTOR"
	s.Title = fmt.Sprintf("%s sends unusually much to the remote host %s.", upper(who), v.remote)
	s.Description = fmt.Sprintf("%s sent %s to %s within an hour. Usual for it: %s.", upper(who), size(bytes), v.peer(), c.usual(bytes))
	known := "which it had not sent to before"
	if most := p.usual(hourOf(r.ev.Time)); most > 0 {
		known = fmt.Sprintf("which got %s in an hour before at most", size(most))
	}
	peer := ""
	if isNew {
		peer = fmt.Sprintf(", %s of it for %s, new to this machine", decimal(newPeer), r.networkName(v))
	}
	s.Why = fmt.Sprintf("%s in an hour to one host, %s; the machine was seen in %d h on %d days; -log10 of the chance is %s%s (the threshold is %s, and %s)",
		size(bytes), known, u.hours.n, u.days.n, decimal(score), peer, decimal(unusualVolume), size(unusualBytes)) + r.rhythm(v)
	s.Info = map[string]any{"outBytes": bytes, "localPort": int64(v.lport), "remotePort": int64(v.rport)}
	if org := r.asnOrg(v); org != "" {
		s.Info["unusual"] = map[string]any{"asnOrg": org}
	}
	r.raise(s)
}

// usual says in words what was the most before.
func (c *sizes) usual(bytes int64) string {
	for b := sizeBuckets - 1; b >= 0; b-- {
		if n := c.hours[b]; n > 0 && b < bucketOfSize(bytes) {
			return fmt.Sprintf("%s at most (in %d h)", size(sizeUnit<<(b+1)), n)
		}
	}
	return "less than " + size(sizeUnit)
}

// size writes a number of bytes.
func size(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= 10*u.of {
			return fmt.Sprintf("%d %s", n/u.of, u.name)
		}
		if n >= u.of {
			return fmt.Sprintf("%d.%d %s", n/u.of, n%u.of*10/u.of, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func (c *sizes) append(b []byte) []byte {
	last := sizeBuckets
	for last > 0 && c.hours[last-1] == 0 {
		last--
	}
	b = binary.AppendUvarint(b, uint64(last))
	for _, n := range c.hours[:last] {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, o := range c.open {
		b = append(binary.AppendVarint(b, int64(o.hour)), byte(o.top))
	}
	return b
}

func (s *saved) sizes() (c sizes) {
	for i := range s.count(sizeBuckets) {
		c.hours[i] = uint16(s.count(1<<16 - 1))
	}
	for i := range c.open {
		c.open[i].hour, c.open[i].top = int32(s.int()), int8(min(s.byte(), sizeBuckets))
	}
	return c
}

// MarshalBinary and UnmarshalBinary bring a pair into a table's log.
func (p *sent) MarshalBinary() ([]byte, error) {
	b := appendInts(nil, p.most, int64(p.hours), int64(p.first), int64(p.told))
	for _, o := range p.open {
		b = appendInts(b, int64(o.hour), o.bytes)
	}
	return b, nil
}

func (p *sent) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	p.most, p.hours, p.first, p.told = s.int(), uint32(s.int()), int32(s.int()), int32(s.int())
	for i := range p.open {
		p.open[i].hour, p.open[i].bytes = int32(s.int()), s.int()
	}
	return s.err()
}
