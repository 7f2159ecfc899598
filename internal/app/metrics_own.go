package app

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/trace"
)

// own makes the metrics of what a server does beside the line: answer, log, and
// tell of itself.
func (m *metrics) own() {
	m.calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vedette_api_requests_total", Help: "Requests of the GuardDuty API, by operation and status.",
	}, []string{"operation", "code"})
	m.answered = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "vedette_api_request_seconds", Help: "Time to answer a request of the GuardDuty API.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	})
	m.logged = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vedette_log_messages_total", Help: "Warnings and errors, also those that the log leaves out because they repeat.",
	}, []string{"level"})
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelError} { // so that a first one shows
		m.logged.WithLabelValues(levelName(level))
	}
	m.spans = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vedette_trace_spans_total", Help: "Spans of traces that are kept, by what became of them: sent, queue_full (dropped: the receiver does not keep up), refused (by the receiver) or failed (dropped: it was not reached).",
	}, []string{"outcome"})
	for _, o := range trace.Outcomes() {
		m.spans.WithLabelValues(string(o))
	}
}

// called notes one request of the API; what is no operation is unknown.
func (m *metrics) called(operation string, status int, took time.Duration) {
	if operation == "" {
		operation = "unknown"
	}
	m.calls.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.answered.Observe(took.Seconds())
}

func (m *metrics) traced(o trace.Outcome, spans int) {
	m.spans.WithLabelValues(string(o)).Add(float64(spans))
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

// countingLog counts warnings and errors on their way to the log.
type countingLog struct {
	slog.Handler
	metrics *metrics
}

func (h *countingLog) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case r.Level >= slog.LevelError:
		h.metrics.logged.WithLabelValues(levelName(slog.LevelError)).Inc()
	case r.Level >= slog.LevelWarn:
		h.metrics.logged.WithLabelValues(levelName(slog.LevelWarn)).Inc()
	}
	return h.Handler.Handle(ctx, r)
}

func (h *countingLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &countingLog{h.Handler.WithAttrs(attrs), h.metrics}
}

func (h *countingLog) WithGroup(name string) slog.Handler {
	return &countingLog{h.Handler.WithGroup(name), h.metrics}
}
