package decode

import (
	"bytes"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Decoder turns chunks into batches. One goroutine owns it.
type Decoder struct {
	out   *Batch
	chunk *event.Chunk
	scope event.Scope
	line  int64
	depth int // of wrappers
	times timeParser
}

// Batch is an event.Batch with the memory that its events live in.
type Batch struct {
	event.Batch
	slabs [][]event.Audit
	used  int
}

const slabSize = 128

// audit returns a zeroed body from the batch's slabs; growing never moves
// bodies that events already point to.
func (b *Batch) audit() *event.Audit {
	slab, i := b.used/slabSize, b.used%slabSize
	if slab == len(b.slabs) {
		b.slabs = append(b.slabs, make([]event.Audit, slabSize))
	}
	b.used++
	a := &b.slabs[slab][i]
	*a = event.Audit{}
	return a
}

// Reset makes the batch ready for another chunk. Events handed out before are
// void afterwards.
func (b *Batch) Reset() {
	events, rejects := b.Events[:0], b.Rejects[:0]
	b.Batch = event.Batch{Events: events, Rejects: rejects}
	b.used = 0
}

// Decode appends the chunk's records to out, which was reset.
func (d *Decoder) Decode(c *event.Chunk, out *Batch) {
	d.chunk, d.out = c, out
	out.Stream, out.Received, out.Bytes = c.Stream, c.Received, int64(len(c.Data))+c.Skipped
	d.line = c.FirstLine
	if c.Records != nil {
		for i, r := range c.Records {
			d.scope = c.Scope
			d.record(c.Data[r.Start:r.End], c.Cut && i == len(c.Records)-1)
		}
		return
	}
	data := c.Data
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		d.scope = c.Scope
		d.record(line, c.Cut && data == nil)
		if d.line > 0 {
			d.line++
		}
	}
}

// add appends an event with the given body.
func (d *Decoder) add(a *event.Audit, raw []byte, truncated bool, fallback time.Time) {
	t := a.StageTime
	if t.IsZero() {
		t = a.Received
	}
	if t.IsZero() {
		t = fallback
	}
	d.out.Events = append(d.out.Events, event.Event{
		Source: event.K8sAudit, Scope: d.scope, Time: t, Truncated: truncated, Raw: raw, Audit: a,
	})
}

// reject counts a record that becomes no event.
func (d *Decoder) reject(o event.Outcome, r event.Reason, detail string) {
	for i := range d.out.Rejects {
		if e := &d.out.Rejects[i]; e.Scope == d.scope && e.Outcome == o && e.Reason == r {
			e.Count++
			return
		}
	}
	d.out.Rejects = append(d.out.Rejects, event.Reject{
		Scope: d.scope, Outcome: o, Reason: r, Count: 1, Line: d.line, Detail: detail,
	})
}
