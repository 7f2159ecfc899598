package decode

import (
	"bytes"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Decoder turns chunks into batches. One goroutine owns it.
type Decoder struct {
	out   *Batch
	chunk *event.Chunk
	scope event.Scope
	line  int64
	depth int // of wrappers
	// source is what the records of this chunk are, as far as is known: the
	// chunk's word, or else the last event's.
	source event.Source
	// flowPlan is the format of flow log lines from here on; nil as long as
	// nothing says that there are any. flowing: the last line was one.
	flowPlan *flowPlan
	flowing  bool
	inflated int // bytes that were compressed inside records

	// What is kept between chunks, to be used again.
	times      timeParser
	starts     timeParser       // of processes and containers
	sensor     jsonscan.Scanner // of a record of a sensor
	plans      map[string]*flowPlan
	names      map[string]string // of accounts and Regions
	lastRegion string
	// lastAccount is the last account id that was met, in memory of its own.
	lastAccount string
}

// Decode appends the chunk's records to out, which was reset.
func (d *Decoder) Decode(c *event.Chunk, out *Batch) {
	d.chunk, d.out = c, out
	out.Stream, out.Received, out.Bytes, out.Learn = c.Stream, c.Received, int64(len(c.Data))+c.Skipped, c.Learn
	d.line = c.FirstLine
	d.source, d.flowPlan, d.flowing, d.inflated = c.Source, nil, false, 0
	switch c.Source {
	case event.Intel:
		d.indicators(c)
		return
	case event.FeedbackGiven:
		d.feedback(c)
		return
	}
	if c.Format != "" || c.Source == event.VPCFlow {
		d.flowPlan = d.plan(c.Format)
		d.flowing = d.flowPlan.known > 0
	}
	if c.Records != nil {
		for i, r := range c.Records {
			d.scope = c.Scope
			d.record(c.Data[r.Start:r.End], c.Cut && i == len(c.Records)-1)
		}
	} else {
		d.lines(c)
	}
	d.nameRejects()
}

func (d *Decoder) lines(c *event.Chunk) {
	data := c.Data
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		d.scope = c.Scope
		if cut := c.Cut && data == nil; cut || !d.flowing || !d.nextFlow(line) {
			d.record(line, cut)
		}
		if d.line > 0 {
			d.line++
		}
	}
}

// addAudit appends an event with the given body.
func (d *Decoder) addAudit(a *event.Audit, raw []byte, truncated bool, fallback time.Time) {
	t := either(a.StageTime, either(a.Received, fallback))
	d.source = event.K8sAudit
	d.out.Events = append(d.out.Events, event.Event{
		Source: event.K8sAudit, Scope: d.scope, Time: t, Truncated: truncated, Raw: raw, Audit: a,
	})
}

// add appends an event of another source; the caller fills in the body, the
// time and the scope.
func (d *Decoder) add(source event.Source, raw []byte, truncated bool) *event.Event {
	d.source = source
	d.out.Events = append(d.out.Events, event.Event{Source: source, Raw: raw, Line: d.line, Truncated: truncated})
	return &d.out.Events[len(d.out.Events)-1]
}

// reject counts a record that becomes no event.
func (d *Decoder) reject(o event.Outcome, r event.Reason, detail string) {
	if d.again(d.source, o, r) {
		return
	}
	d.out.Rejects = append(d.out.Rejects, event.Reject{
		Source: d.source, Scope: d.scope, Outcome: o, Reason: r, Count: 1, Line: d.line, Detail: detail,
	})
}

// again counts one more record of a kind that there was before.
func (d *Decoder) again(source event.Source, o event.Outcome, r event.Reason) bool {
	for i := range d.out.Rejects {
		if e := &d.out.Rejects[i]; e.Scope == d.scope && e.Source == source && e.Outcome == o && e.Reason == r {
			e.Count++
			return true
		}
	}
	return false
}

// nameRejects gives records that were met before any event a source: that of
// the events behind them.
func (d *Decoder) nameRejects() {
	source := event.K8sAudit
	if len(d.out.Events) > 0 {
		source = d.out.Events[0].Source
	}
	for i := range d.out.Rejects {
		if r := &d.out.Rejects[i]; r.Source == "" {
			r.Source = source
		}
	}
}
