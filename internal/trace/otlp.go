package trace

import (
	"encoding/hex"
	"maps"
	"slices"

	"github.com/vedette-project/vedette/internal/otlp"
)

type request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   otlp.Resource `json:"resource"`
	ScopeSpans []scopeSpans  `json:"scopeSpans"`
}

type scopeSpans struct {
	Scope otlp.Scope `json:"scope"`
	Spans []wireSpan `json:"spans"`
}

type wireSpan struct {
	TraceID    string           `json:"traceId"`
	SpanID     string           `json:"spanId"`
	ParentID   string           `json:"parentSpanId,omitempty"`
	Flags      int              `json:"flags"`
	Name       string           `json:"name"`
	Kind       Kind             `json:"kind"`
	Start      string           `json:"startTimeUnixNano"`
	End        string           `json:"endTimeUnixNano"`
	Attributes []otlp.Attribute `json:"attributes,omitempty"`
	Status     *wireStatus      `json:"status,omitempty"`
}

type wireStatus struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

const statusError = 2

// request puts spans into the form of a request.
func (t *Tracer) request(batch []*Span) request {
	var whose otlp.Resource
	for _, key := range slices.Sorted(maps.Keys(t.Resource)) {
		whose.Attributes = append(whose.Attributes, otlp.Text(key, t.Resource[key]))
	}
	spans := make([]wireSpan, len(batch))
	for i, s := range batch {
		spans[i] = s.wire()
	}
	return request{[]resourceSpans{{whose, []scopeSpans{{otlp.Scope{Name: "vedette", Version: t.Version}, spans}}}}}
}

func (s *Span) wire() wireSpan {
	w := wireSpan{
		TraceID: s.self.TraceID(), SpanID: s.self.SpanID(), Name: s.name, Kind: s.kind, Start: otlp.Nano(s.start), End: otlp.Nano(s.end),
	}
	if s.parent != [8]byte{} {
		w.ParentID = hex.EncodeToString(s.parent[:])
	}
	if s.self.Sampled {
		w.Flags = 1
	}
	if s.fault != "" {
		w.Status = &wireStatus{s.fault, statusError}
	}
	for i := range s.attributes {
		a := &s.attributes[i]
		v := otlp.Value{Text: &a.text}
		if a.number {
			v = otlp.Value{Int: &a.text}
		}
		w.Attributes = append(w.Attributes, otlp.Attribute{Key: a.key, Value: v})
	}
	return w
}
