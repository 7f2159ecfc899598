package line

import (
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/trace"
)

// maxTraced bounds the traces that one message carries, and that one commit
// tells of: what comes together takes the same time.
const maxTraced = 32

// taking begins the span of a push that is taken.
func (w *Writer) taking(p *ingest.Push) *trace.Span {
	span := w.Tracer.Start(p.Trace, "take", trace.Internal)
	span.Int("vedette.bytes", int64(len(p.Chunk.Data)))
	span.Text("k8s.cluster.name", p.Chunk.Scope.Cluster)
	return span
}

// carry is what a message says of the traces of its entries, for a worker in
// another process: the entry's index and its traceparent.
func carry(group []*pending) []string {
	var out []string
	for i, p := range group {
		if p.push.Trace.Sampled && len(out) < maxTraced {
			out = append(out, strconv.Itoa(i)+" "+p.push.Trace.String())
		}
	}
	return out
}

// traces reads what carry wrote: the trace of each entry; nil if there is none.
func (m *message) traces(entries int) []trace.Context {
	if m.tracer == nil || len(m.carried) == 0 {
		return nil
	}
	out := make([]trace.Context, entries)
	for _, text := range m.carried {
		index, parent, _ := strings.Cut(text, " ")
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < entries {
			out[i] = trace.Parse(parent)
		}
	}
	return out
}

// decoding begins the span of an entry that is decoded; nil if it is not traced.
func (m *message) decoding(traces []trace.Context, i int) *trace.Span {
	if traces == nil || !traces[i].Valid() {
		return nil
	}
	return m.tracer.Start(traces[i], "decode", trace.Internal)
}

// detecting begins the span of a push that is judged; nil if it is not traced.
func (l *lease[T]) detecting(p *Push) *trace.Span {
	if l.Tracer == nil || !p.Trace.Valid() {
		return nil
	}
	span := l.Tracer.Start(p.Trace, "detect", trace.Consumer)
	span.Int("vedette.records", int64(len(p.Batch.Events)))
	span.Int("vedette.shard", int64(l.shard))
	return span
}

// committing begins the spans of a commit, one in the trace of each push that
// is traced. Of those that are not kept one is enough, to tell when it is slow.
func (l *lease[T]) committing(group []*message) []*trace.Span {
	if l.Tracer == nil {
		return nil
	}
	pushes := 0
	var parents []trace.Context
	spare := false
	for _, m := range group {
		for _, p := range m.pushes {
			pushes++
			switch {
			case !p.Trace.Valid() || len(parents) == maxTraced:
			case p.Trace.Sampled:
				parents = append(parents, p.Trace)
			case !spare:
				parents, spare = append(parents, p.Trace), true
			}
		}
	}
	spans := make([]*trace.Span, len(parents))
	for i, parent := range parents {
		s := l.Tracer.Start(parent, "commit", trace.Consumer)
		s.Int("vedette.shard", int64(l.shard))
		s.Int("vedette.messages", int64(len(group)))
		s.Int("vedette.pushes", int64(pushes))
		spans[i] = s
	}
	return spans
}

// endAll ends spans of work that went well or failed together.
func endAll(spans []*trace.Span, err error, fault string) {
	for _, s := range spans {
		if err != nil {
			s.Fail(fault)
		}
		s.End()
	}
}
