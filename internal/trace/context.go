package trace

import (
	"context"
	"encoding/hex"
	"strings"
)

// Context names a span for what it causes: what a traceparent says. The zero
// value is no span.
type Context struct {
	Trace [16]byte
	Span  [8]byte
	// Sampled says that the spans of the trace are kept.
	Sampled bool
}

// Valid reports whether there is a span.
func (c Context) Valid() bool { return c.Trace != [16]byte{} && c.Span != [8]byte{} }

// TraceID is the name of the trace, in hex.
func (c Context) TraceID() string { return hex.EncodeToString(c.Trace[:]) }

// SpanID is the name of the span, in hex.
func (c Context) SpanID() string { return hex.EncodeToString(c.Span[:]) }

// Header is the HTTP header of W3C Trace Context.
const Header = "Traceparent"

// String is the traceparent of W3C Trace Context; "" for no span.
func (c Context) String() string {
	if !c.Valid() {
		return ""
	}
	flags := "00"
	if c.Sampled {
		flags = "01"
	}
	return "00-" + c.TraceID() + "-" + c.SpanID() + "-" + flags
}

// traceparentLen is the length of version 00; later ones may be longer.
const traceparentLen = 55

// Parse reads a traceparent. What is none is no span.
func Parse(s string) Context {
	var c Context
	if len(s) < traceparentLen || s[2] != '-' || s[35] != '-' || s[52] != '-' || strings.ToLower(s[:traceparentLen]) != s[:traceparentLen] {
		return Context{}
	}
	var version, flags [1]byte
	for _, part := range []struct {
		dst  []byte
		text string
	}{{version[:], s[:2]}, {c.Trace[:], s[3:35]}, {c.Span[:], s[36:52]}, {flags[:], s[53:55]}} {
		if _, err := hex.Decode(part.dst, []byte(part.text)); err != nil {
			return Context{}
		}
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) != traceparentLen, len(s) > traceparentLen && s[traceparentLen] != '-', !c.Valid():
		return Context{}
	}
	c.Sampled = flags[0]&1 != 0
	return c
}

type contextKey struct{}

// With returns a context of work that a span causes.
func With(ctx context.Context, c Context) context.Context {
	if !c.Valid() {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, c)
}

// From is the span that causes the work of a context, if one does.
func From(ctx context.Context) Context {
	c, _ := ctx.Value(contextKey{}).(Context)
	return c
}
