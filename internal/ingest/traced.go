package ingest

import (
	"net/http"

	"github.com/vedette-project/vedette/internal/trace"
)

// within returns a request whose log lines name the span.
func within(r *http.Request, span *trace.Span) *http.Request {
	if span == nil {
		return r
	}
	return r.WithContext(trace.With(r.Context(), span.Context()))
}

// endPush ends the span of a push. One of somebody who may not push is none:
// strangers shall not fill what others look at.
func endPush(span *trace.Span, r *http.Request, status, bytes int) {
	if span == nil {
		return
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		span.Drop()
		return
	}
	span.Text("http.request.method", r.Method)
	span.Text("http.route", route(r.Pattern))
	span.Int("http.response.status_code", int64(status))
	span.Int("vedette.bytes", int64(bytes))
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		span.Fail("the records were not taken; the sender is told to come again")
	}
	span.End()
}

// route is a pattern of the mux without its method.
func route(pattern string) string {
	for i := range len(pattern) {
		if pattern[i] == '/' {
			return pattern[i:]
		}
	}
	return pattern
}
