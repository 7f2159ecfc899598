package trace

import (
	"context"
	"log/slog"
)

// LogHandler adds to what is logged which trace it belongs to, where that trace
// is kept.
func LogHandler(h slog.Handler) slog.Handler { return &logHandler{h} }

type logHandler struct{ slog.Handler }

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if c := From(ctx); c.Sampled {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", c.TraceID()), slog.String("span_id", c.SpanID()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.Handler.WithAttrs(attrs)}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name)}
}
