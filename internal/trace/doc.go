// Package trace follows work through the line: a span says what was done, how
// long it took and what caused it, and goes to an OpenTelemetry receiver by
// OTLP over HTTP. Spans are of batches, never of single records, and hold
// nothing of what records say.
//
// A nil *Tracer traces nothing and costs nothing; so does a nil *Span. A
// receiver that is slow or away never slows who made a span: what does not fit
// the queue is dropped, and counted.
package trace
