package kernel

// Drop is why an event that was wanted was lost.
type Drop int

// The reasons, as bpf/common.bpf.h numbers them.
const (
	DropRing  Drop = iota // the ring buffer was full
	DropRate              // the process had used up its share
	DropBusy              // a program interrupted another on its CPU
	DropFault             // memory that had to be read was not there
	drops
)

func (d Drop) String() string {
	return [...]string{"ring-full", "rate-limit", "busy", "fault"}[d]
}

// Count is what happened to the events of one kind.
type Count struct {
	Seen    uint64 // worth a record
	Sent    uint64 // in the ring
	Folded  uint64 // told once already, or of a name nobody watches
	Dropped [drops]uint64
}

// Stats counts since the probe was opened.
type Stats struct {
	Kinds [kinds]Count
	Read  uint64 // records given to the caller
	Lost  uint64 // gaps in the numbers of the records read
	Bad   uint64 // records that could not be decoded
}

// Total sums all kinds.
func (s *Stats) Total() Count {
	var t Count
	for _, k := range s.Kinds {
		t.Seen += k.Seen
		t.Sent += k.Sent
		t.Folded += k.Folded
		for i, n := range k.Dropped {
			t.Dropped[i] += n
		}
	}
	return t
}

// counters is bpf/common.bpf.h's struct counters, of one CPU.
type counters struct {
	Seq     [lanes]uint64
	Seen    [kinds]uint64
	Sent    [kinds]uint64
	Folded  [kinds]uint64
	Dropped [drops][kinds]uint64
}

const lanes = 2

// Unread is how many records are in the ring.
func (s *Stats) Unread() int64 { return int64(s.Total().Sent) - int64(s.Read+s.Bad) }

func (s *Stats) add(c *counters) {
	for k := range s.Kinds {
		s.Kinds[k].Seen += c.Seen[k]
		s.Kinds[k].Sent += c.Sent[k]
		s.Kinds[k].Folded += c.Folded[k]
		for d := range drops {
			s.Kinds[k].Dropped[d] += c.Dropped[d][k]
		}
	}
}
