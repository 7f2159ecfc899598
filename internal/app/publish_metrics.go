package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/publish"
)

// publishMetrics are what followers tell Prometheus. Targets are the operator's
// own, and few.
type publishMetrics struct {
	events   *prometheus.CounterVec
	failures *prometheus.CounterVec
	behind   *prometheus.GaugeVec
	delay    *prometheus.HistogramVec
}

func newPublishMetrics() *publishMetrics {
	return &publishMetrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_publish_events_total", Help: "Events of targets, by what became of them: taken, or refused for good (dead letters).",
		}, []string{"target", "outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_publish_failures_total", Help: "Times that a target did not take what it was sent, which is tried again.",
		}, []string{"target"}),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_publish_behind_seconds", Help: "Age of the oldest change that a target was not told of; 0 when there is none.",
		}, []string{"target"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vedette_publish_delay_seconds", Help: "Time from the commit of a new finding until a target had it.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16),
		}, []string{"target"}),
	}
}

// observe notes what one target's follower sees.
func (m *publishMetrics) observe(target string) func(publish.Observation) {
	taken, refused := m.events.WithLabelValues(target, "taken"), m.events.WithLabelValues(target, "refused")
	failures, behind, delay := m.failures.WithLabelValues(target), m.behind.WithLabelValues(target), m.delay.WithLabelValues(target)
	return func(o publish.Observation) {
		taken.Add(float64(o.Taken))
		refused.Add(float64(o.Refused))
		if o.Err != nil {
			failures.Inc()
		}
		behind.Set(o.Behind.Seconds())
		for _, d := range o.Delays {
			delay.Observe(d.Seconds())
		}
	}
}

func (m *publishMetrics) forget(target string) {
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.events, m.failures, m.behind, m.delay} {
		v.DeletePartialMatch(prometheus.Labels{"target": target})
	}
}
