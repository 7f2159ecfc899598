package trace

import (
	"strconv"
	"time"
)

// Kind says what a span is to its neighbours; the values are those of OTLP.
type Kind int

// The kinds of spans.
const (
	Internal Kind = iota + 1
	Server        // answers a request
	Client        // makes one
	Producer      // puts something into a queue
	Consumer      // takes it out
)

// maxAttributes bounds the attributes of a span.
const maxAttributes = 16

// Span is a piece of work. One goroutine may use it; all methods may be called
// on nil, and then do nothing.
type Span struct {
	tracer *Tracer
	name   string
	kind   Kind
	self   Context
	parent [8]byte // zero: it begins the trace

	start, end time.Time
	attributes []attribute
	fault      string
}

// attribute is a fact about a span: a text or a number.
type attribute struct {
	key, text string
	number    bool
}

// Context is what the work that the span causes should know; the zero value
// for nil.
func (s *Span) Context() Context {
	if s == nil {
		return Context{}
	}
	return s.self
}

// Text notes a fact. It must be neither a secret nor of the content of records.
func (s *Span) Text(key, value string) {
	if s != nil && value != "" && len(s.attributes) < maxAttributes {
		s.attributes = append(s.attributes, attribute{key: key, text: value})
	}
}

// Int notes a number.
func (s *Span) Int(key string, value int64) {
	if s != nil && len(s.attributes) < maxAttributes {
		s.attributes = append(s.attributes, attribute{key, strconv.FormatInt(value, 10), true})
	}
}

// Rename gives the span the name of what it turned out to be.
func (s *Span) Rename(name string) {
	if s != nil {
		s.name = name
	}
}

// Fail notes that the work failed. What is said must not repeat what others
// wrote: an error's text may.
func (s *Span) Fail(what string) {
	if s != nil {
		s.fault = what
	}
}

// Follow makes the span a part of the trace that a caller has begun.
func (s *Span) Follow(parent Context) {
	if s != nil && parent.Valid() {
		s.self.Trace, s.parent, s.self.Sampled = parent.Trace, parent.Span, parent.Sampled
	}
}

// End says that the work is done. It is called once.
func (s *Span) End() {
	if s != nil && s.tracer != nil {
		s.end = s.tracer.Now()
		s.tracer.keep(s)
	}
}

// Drop forgets the span: End does nothing more.
func (s *Span) Drop() {
	if s != nil {
		s.tracer = nil
	}
}
