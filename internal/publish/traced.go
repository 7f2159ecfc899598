package publish

import (
	"context"

	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// maxTraced bounds the traces that one call is told in.
const maxTraced = 32

// trace notes which traces the events of findings are a part of.
func (w *work) trace() {
	for _, u := range w.units {
		if u.change >= 0 && w.changes[u.change].Kind == store.ChangeFinding {
			u.trace = trace.Parse(string(w.changes[u.change].Data))
		}
	}
}

// sendSpans begins the spans of a call, one in the trace of each event that is
// traced, or else one of its own. The context is that of the first.
func (f *Follower) sendSpans(ctx context.Context, chunk []*unit) (context.Context, []*trace.Span) {
	if f.Tracer == nil {
		return ctx, nil
	}
	var spans []*trace.Span
	for _, u := range chunk {
		if u.trace.Valid() && len(spans) < maxTraced {
			s := f.sendSpan(u.trace, len(chunk))
			if x := u.event.Finding(); x != nil {
				s.Text("vedette.finding.id", x.ID)
				s.Text("vedette.finding.type", x.Type)
			}
			spans = append(spans, s)
		}
	}
	if len(spans) == 0 {
		spans = append(spans, f.sendSpan(trace.Context{}, len(chunk)))
	}
	return trace.With(ctx, spans[0].Context()), spans
}

func (f *Follower) sendSpan(parent trace.Context, events int) *trace.Span {
	s := f.Tracer.Start(parent, "publish", trace.Client)
	s.Text("vedette.target", f.Name)
	s.Int("vedette.events", int64(events))
	return s
}

// endSend ends the spans of a call.
func endSend(spans []*trace.Span, err error) {
	for _, s := range spans {
		if err != nil {
			s.Fail("the target did not take all of it")
		}
		s.End()
	}
}
