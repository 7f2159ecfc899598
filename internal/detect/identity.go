package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/vedette-project/vedette/internal/event"
)

// Identifier works out what tells records apart. One goroutine owns it; it can
// be another than the one that judges, which then has less to do.
type Identifier struct{ scratch bytes.Buffer }

// Identify fills in the ID of every event of a batch.
func (id *Identifier) Identify(b *event.Batch) {
	for i := range b.Events {
		k := id.key(b, &b.Events[i])
		b.Events[i].ID = [2]uint64{k.hi, k.lo}
	}
}

// key identifies the call that a record tells of. The audit ID alone would not
// do: any client may set it by the Audit-ID header, and a repeated one must not
// make a call look like a copy of another. The hash is the same in every
// process, and nobody can make two calls that share one.
func (id *Identifier) key(batch *event.Batch, ev *event.Event) callKey {
	if ev.ID != [2]uint64{} {
		return callKey{ev.ID[0], ev.ID[1]}
	}
	b := &id.scratch
	b.Reset()
	if ev.Audit != nil {
		writeCall(b, ev)
	} else {
		writeRecord(b, batch, ev)
	}
	sum := sha256.Sum256(b.Bytes())
	return callKey{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

func writeCall(b *bytes.Buffer, ev *event.Event) {
	a := ev.Audit
	b.WriteString(a.AuditID)
	b.WriteByte(0)
	b.WriteString(a.Verb)
	b.WriteByte(0)
	b.WriteString(a.RequestURI)
	b.WriteByte(0)
	b.WriteString(a.User.Username)
	b.Write(binary.LittleEndian.AppendUint64(b.AvailableBuffer(), uint64(a.Received.UnixNano())))
	if ev.Truncated { // its time was cut off with its end
		b.Write(ev.Raw)
	}
}

// writeRecord writes what identifies a record of an AWS account or a sensor: the
// event ID that CloudTrail gave it, its number in the run of a sensor, or its text. Two flow log lines of one text are two
// records only where the format tells neither the interface nor the time.
func writeRecord(b *bytes.Buffer, batch *event.Batch, ev *event.Event) {
	b.WriteString(string(ev.Source))
	b.WriteByte(0)
	if t := ev.Trail; t != nil && t.EventID != "" {
		b.WriteString(t.EventID)
		b.WriteByte(0)
		b.WriteString(t.Name)
		return
	}
	if r := ev.Runtime; r != nil && r.Sensor.Session != "" && r.Sensor.Sequence != 0 && !ev.Truncated {
		b.WriteString(r.Node.Name)
		b.WriteByte(0)
		b.WriteString(r.Sensor.Session)
		b.Write(binary.LittleEndian.AppendUint64(b.AvailableBuffer(), r.Sensor.Sequence))
		return
	}
	const own = event.FlowInterface | event.FlowTimes
	if f := ev.Flow; f != nil && f.Has&own != own && ev.Line > 0 {
		b.WriteString(batch.Stream)
		b.Write(binary.LittleEndian.AppendUint64(b.AvailableBuffer(), uint64(ev.Line)))
	}
	b.Write(ev.Raw)
}
