package push

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// cutMark ends a record of which the rest was left out, as CloudWatch Logs
// writes it; the server knows by it that the record is judged for what it holds.
const cutMark = "[Truncated...]"

// packer makes bodies of chunks. One goroutine owns it.
type packer struct {
	cluster string
	log     *slog.Logger
	post    func(context.Context, *body) error
	sum     *Summary

	decoder decode.Decoder
	batch   decode.Batch
	body    *body
	last    route // of the record before
	stream  string
	record  int64 // how many were read of the stream
	told    map[event.Reason]int
}

// add appends the records of a chunk to the body that is being filled, and
// posts what is full. The chunk's data is not kept.
func (p *packer) add(ctx context.Context, c *event.Chunk) error {
	if c.Stream != p.stream {
		p.stream, p.record = c.Stream, 0
	}
	p.decode(c)
	p.report(c.Stream)
	at := part{stream: c.Stream, line: c.FirstLine, record: p.record + 1}
	if c.FirstLine == 0 && c.Records == nil {
		at.record = 0 // lines that nobody counted
	}
	p.sum.Bytes += p.batch.Bytes
	to, one, err := p.route(c)
	whole := one && c.Records == nil && !c.Cut
	if err == nil && to != (route{}) && !whole {
		return p.apart(ctx, c, at)
	}
	t := p.tally(c, to)
	p.count(t)
	switch {
	case err != nil:
		return err
	case to == route{}:
		p.sum.refuse(t, reasonMalformed)
		return nil
	}
	return p.lines(ctx, to, c.Data, at, t)
}

// tally counts what was decoded, as the server will: it knows what is pushed to
// the path of a log of AWS, and makes nothing else of garbage in it.
func (p *packer) tally(c *event.Chunk, to route) tally {
	t := tallyOf(&p.batch.Batch)
	if t.good == t.records || c.Source != "" || to.source == event.K8sAudit {
		return t
	}
	known := *c
	known.Source = to.source
	p.decode(&known)
	return tallyOf(&p.batch.Batch)
}

// count accounts for records that were read.
func (p *packer) count(t tally) {
	p.record += t.records
	p.sum.Records += t.records
}

func (p *packer) decode(c *event.Chunk) {
	p.batch.Reset()
	p.decoder.Decode(c, &p.batch)
}

// route is where what was decoded belongs; one says that it is one place. With
// nothing but records that say nothing it is that of the records before, and
// the zero route where there were none.
func (p *packer) route(c *event.Chunk) (to route, one bool, err error) {
	var first event.Source
	one = true
	see := func(s event.Source) {
		if first == "" {
			first = s
		}
		one = one && s == first
	}
	for i := range p.batch.Events {
		see(p.batch.Events[i].Source)
	}
	known := len(p.batch.Events) > 0
	for _, r := range p.batch.Rejects {
		if known || r.Outcome != event.Malformed || c.Source != "" {
			see(r.Source)
			known = true
		}
	}
	switch {
	case c.Source != "":
		first, one = c.Source, true
	case first == "" && p.last != route{}:
		return routeOf(p.last.source, p.last.cluster, c.Format), true, nil
	case first == "" && p.cluster == "":
		return route{}, true, nil
	case first == "":
		first = event.K8sAudit
	}
	if first == event.K8sAudit && p.cluster == "" {
		return route{}, false, fmt.Errorf("%s has records of a Kubernetes audit log, which do not say of which cluster; name it with --cluster", c.Stream)
	}
	if !one && p.cluster != "" {
		first = event.K8sAudit // where the server looks at each record by itself, as a scan does
	}
	p.last = routeOf(first, p.cluster, c.Format)
	return p.last, one, nil
}

// apart handles the records of a chunk one by one: elements of lists, records
// of several sources, and one that was cut.
func (p *packer) apart(ctx context.Context, c *event.Chunk, at part) error {
	records := c.Records
	if records == nil {
		records = linesOf(c.Data)
	}
	for i, span := range records {
		one := *c
		one.Data, one.Records = c.Data[span.Start:span.End], []event.Span{{Start: 0, End: span.End - span.Start}}
		one.Cut, one.FirstLine = c.Cut && i == len(records)-1, 0
		if !one.Cut {
			one.Skipped = 0
		}
		p.decode(&one)
		to, _, err := p.route(&one)
		t := p.tally(&one, to) // not that of the whole: garbage among records may hold more, seen by itself
		p.count(t)
		if err != nil {
			return err
		}
		if err := p.element(ctx, to, &one, at, t); err != nil {
			return err
		}
		at.record += t.records
		if c.Records == nil && at.line > 0 {
			at.line++
		}
	}
	return nil
}

// element adds one record. What cannot stand in a list is posted alone.
func (p *packer) element(ctx context.Context, to route, c *event.Chunk, at part, t tally) error {
	value := bytes.Trim(c.Data, " \t\r\n")
	s := jsonscan.Scanner{Data: value}
	_, err := s.Skip()
	switch {
	case len(value) == 0:
		return nil
	case c.Cut:
		return p.single(ctx, to, append(bytes.Clone(value), cutMark...), at, t)
	case value[0] == '{' && err == nil && s.Pos == len(value) && t.good == t.records: // what is torn may hide its neighbours
	case bytes.IndexByte(value, '\n') < 0:
		return p.lines(ctx, to, value, at, t)
	default:
		return p.single(ctx, to, value, at, t)
	}
	b, err := p.bodyFor(ctx, to, true, len(value))
	if err != nil {
		return err
	}
	b.addElement(value, at)
	b.add(t)
	return nil
}

// lines adds whole lines of one route.
func (p *packer) lines(ctx context.Context, to route, data []byte, at part, t tally) error {
	b, err := p.bodyFor(ctx, to, false, len(data))
	if err != nil {
		return err
	}
	b.addLines(data, at)
	b.add(t)
	return nil
}

// single posts a record in a body of its own.
func (p *packer) single(ctx context.Context, to route, value []byte, at part, t tally) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	p.body = &body{route: to, alone: true, data: value, parts: []part{at}, tally: t}
	return p.flush(ctx)
}

// bodyFor is the body that n more bytes of this kind go into.
func (p *packer) bodyFor(ctx context.Context, to route, list bool, n int) (*body, error) {
	if b := p.body; b != nil && (b.route != to || b.list != list || len(b.data)+n > fullBody) {
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
	}
	if p.body == nil {
		p.body = &body{route: to, list: list}
	}
	return p.body, nil
}

// flush posts what waits.
func (p *packer) flush(ctx context.Context) error {
	b := p.body
	p.body = nil
	if b == nil || b.records == 0 {
		return nil // blank lines and headers alone
	}
	return p.post(ctx, b)
}

// maxTold is how often bad records of one kind are told of.
const maxTold = 5

// report tells where records are that say nothing, as a scan does.
func (p *packer) report(stream string) {
	for _, r := range p.batch.Rejects {
		if r.Outcome != event.Malformed || r.Detail == "" {
			continue
		}
		if p.told == nil {
			p.told = map[event.Reason]int{}
		}
		if p.told[r.Reason]++; p.told[r.Reason] > maxTold {
			continue
		}
		p.log.Warn("malformed record", "at", part{stream: stream, line: r.Line}.String(), "reason", string(r.Reason), "count", r.Count, "detail", r.Detail)
	}
}

// linesOf are the bounds of the lines, without their ends.
func linesOf(data []byte) []event.Span {
	var out []event.Span
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i
		}
		out = append(out, event.Span{Start: at, End: end})
		at = end + 1
	}
	return out
}
