package line

import (
	"bytes"
	"slices"

	"github.com/vedette-project/vedette/internal/event"
)

// A push may hold the records of several accounts and Regions. Each is judged
// by the worker of its own scope, so that one worker sees all that a scope has:
// the records of other scopes than the chunk's go into chunks of their own.

// apart makes the chunks of the other scopes, and takes their records out of
// the batch. Where all records are of one other scope, the chunk becomes that
// scope's instead.
func apart(c *event.Chunk, b *event.Batch) []event.Chunk {
	var others []event.Scope
	home := len(b.Rejects) > 0
	for i := range b.Events {
		switch ev := &b.Events[i]; {
		case !foreign(c, ev):
			home = true
		case !slices.Contains(others, ev.Scope):
			others = append(others, ev.Scope)
		}
	}
	switch {
	case len(others) == 0:
		return nil
	case len(others) == 1 && !home:
		c.Scope = others[0]
		return nil
	}
	out := make([]event.Chunk, 0, len(others))
	for _, sc := range others {
		out = append(out, chunkIn(c, b, sc))
	}
	c.Home = true
	stay(c, b)
	return out
}

// foreign reports whether a record belongs to another scope than its chunk and
// can be moved: it stands for itself. A record of a cluster is found by its
// stream, and one that was cut only shows where its chunk ends.
func foreign(c *event.Chunk, ev *event.Event) bool {
	return ev.Scope != c.Scope && ev.Source != event.K8sAudit && !ev.Truncated
}

// strays reports whether a record belongs to another scope than its chunk.
func strays(c *event.Chunk, b *event.Batch) bool {
	return slices.ContainsFunc(b.Events, func(ev event.Event) bool { return ev.Scope != c.Scope })
}

// chunkIn is a chunk with the records of one scope, as they were read.
func chunkIn(c *event.Chunk, b *event.Batch, sc event.Scope) event.Chunk {
	out := event.Chunk{
		Stream: c.Stream, Received: c.Received, Scope: sc, OneAccount: c.OneAccount, Source: c.Source, Format: c.Format, Learn: c.Learn,
		Records: []event.Span{},
	}
	var data bytes.Buffer
	for i := range b.Events {
		if ev := &b.Events[i]; ev.Scope == sc && foreign(c, ev) {
			start := data.Len()
			data.Write(ev.Raw)
			out.Records = append(out.Records, event.Span{Start: start, End: data.Len()})
			data.WriteByte('\n')
		}
	}
	out.Data = data.Bytes()
	return out
}

// stay leaves in the batch of a chunk what belongs there.
func stay(c *event.Chunk, b *event.Batch) {
	if c.Home {
		b.Events = slices.DeleteFunc(b.Events, func(ev event.Event) bool { return foreign(c, &ev) })
	}
}
