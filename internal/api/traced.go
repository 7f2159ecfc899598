package api

import (
	"net/http"

	"github.com/vedette-project/vedette/internal/trace"
)

// follow begins the span of a request, as a part of the caller's trace if there
// is one.
func (s *server) follow(r *http.Request) (*http.Request, *trace.Span) {
	span := s.Tracer.Start(trace.Context{}, "api", trace.Server)
	if span == nil {
		return r, nil
	}
	span.Follow(trace.Parse(r.Header.Get(trace.Header)))
	return r.WithContext(trace.With(r.Context(), span.Context())), span
}

// endCall ends the span of a request. One of somebody who was not identified is
// none: strangers shall not fill what others look at.
func endCall(span *trace.Span, c *call, status int) {
	if span == nil {
		return
	}
	if c.key.ID == "" {
		span.Drop()
		return
	}
	if c.op.name != "" {
		span.Rename("api " + c.op.name)
		span.Text("rpc.method", c.op.name)
		span.Text("http.request.method", c.op.method)
	}
	span.Int("http.response.status_code", int64(status))
	if status >= http.StatusInternalServerError {
		span.Fail("the request failed; the log says why")
	}
	span.End()
}
