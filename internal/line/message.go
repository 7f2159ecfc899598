package line

import (
	"encoding/hex"
	"errors"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// idLen is the length of the id that begins every message.
const idLen = 16

// message is a journal message on its way to a commit.
type message struct {
	position uint64
	missing  uint64 // positions before it that the journal does not have any more
	stored   time.Time
	data     []byte
	pushes   []*Push
	bytes    int64            // of records
	fault    error            // why it cannot be read
	aside    []store.SetAside // its records that are stepped over
	carried  []string         // traces of its entries
	tracer   *trace.Tracer
}

func newMessage(m journal.Message, t *trace.Tracer) *message {
	return &message{position: m.Position, missing: m.Missing, stored: m.Stored, data: m.Data, carried: m.Carried, tracer: t}
}

var errNoID = errors.New("it is too short to be a message of ours")

// open fills in the pushes: those that the tail still has, or else decoded
// from the bytes.
func (m *message) open(t *tail) {
	if m.pushes != nil || m.fault != nil {
		return
	}
	if len(m.data) < idLen {
		m.fault = errNoID
		return
	}
	m.pushes = t.take(hex.EncodeToString(m.data[:idLen]))
	if m.pushes == nil {
		entries, _, err := journal.Decode(m.data[idLen:], nil)
		if err != nil {
			m.fault = err
			return
		}
		var d decode.Decoder
		m.pushes = make([]*Push, 0, len(entries))
		traces := m.traces(len(entries))
		for i := range entries {
			b := &decode.Batch{}
			span := m.decoding(traces, i)
			d.Decode(&entries[i].Chunk, b)
			stay(&entries[i].Chunk, &b.Batch)
			span.End()
			p := pushOf(&entries[i], &b.Batch)
			if traces != nil {
				p.Trace = traces[i]
			}
			m.pushes = append(m.pushes, p)
		}
	}
	for _, p := range m.pushes {
		m.bytes += p.Batch.Bytes
	}
}

func pushOf(e *journal.Entry, b *event.Batch) *Push {
	return &Push{Batch: b, Cursor: ingest.Cursor{Name: e.CursorName, Data: e.CursorData}, Received: e.Records}
}

// count is the number of records that ingest counted in a batch.
func count(b *event.Batch) int64 {
	n := int64(len(b.Events))
	for _, r := range b.Rejects {
		n += r.Count
	}
	return n
}
