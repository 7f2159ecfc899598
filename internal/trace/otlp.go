package trace

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
)

// The wire form is OTLP's mapping to JSON: ids are hex, 64-bit numbers are in
// quotes, enumerations are numbers.

type request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   resource     `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type resource struct {
	Attributes []wireAttribute `json:"attributes"`
}

type scopeSpans struct {
	Scope scope      `json:"scope"`
	Spans []wireSpan `json:"spans"`
}

type scope struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type wireSpan struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	ParentID   string          `json:"parentSpanId,omitempty"`
	Flags      int             `json:"flags"`
	Name       string          `json:"name"`
	Kind       Kind            `json:"kind"`
	Start      string          `json:"startTimeUnixNano"`
	End        string          `json:"endTimeUnixNano"`
	Attributes []wireAttribute `json:"attributes,omitempty"`
	Status     *wireStatus     `json:"status,omitempty"`
}

type wireStatus struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

const statusError = 2

type wireAttribute struct {
	Key   string    `json:"key"`
	Value wireValue `json:"value"`
}

type wireValue struct {
	Text *string `json:"stringValue,omitempty"`
	Int  *string `json:"intValue,omitempty"`
}

// request puts spans into the form of a request.
func (t *Tracer) request(batch []*Span) request {
	var whose resource
	for _, key := range slices.Sorted(maps.Keys(t.Resource)) {
		value := t.Resource[key]
		whose.Attributes = append(whose.Attributes, wireAttribute{key, wireValue{Text: &value}})
	}
	spans := make([]wireSpan, len(batch))
	for i, s := range batch {
		spans[i] = s.wire()
	}
	return request{[]resourceSpans{{whose, []scopeSpans{{scope{"vedette", t.Version}, spans}}}}}
}

func (s *Span) wire() wireSpan {
	w := wireSpan{
		TraceID: s.self.TraceID(), SpanID: s.self.SpanID(), Name: s.name, Kind: s.kind, Start: nano(s.start), End: nano(s.end),
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
		v := wireValue{Text: &a.text}
		if a.number {
			v = wireValue{Int: &a.text}
		}
		w.Attributes = append(w.Attributes, wireAttribute{a.key, v})
	}
	return w
}

func nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
