package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// metrics are what the server tells Prometheus. Labels are bounded: sources,
// outcomes and reasons are fixed sets, clusters are the operator's own.
type metrics struct {
	records  *prometheus.CounterVec
	marks    *prometheus.CounterVec
	pushes   *prometheus.CounterVec
	bytes    prometheus.Counter
	findings prometheus.Counter
	folded   prometheus.Counter
	commit   prometheus.Histogram
	last     *prometheus.GaugeVec
	canary   prometheus.Histogram
	stored   prometheus.Counter
	appended prometheus.Histogram
	quiet    *prometheus.GaugeVec
	nodes    *prometheus.GaugeVec
	received *prometheus.CounterVec

	intelChanges  *prometheus.CounterVec
	retrospective prometheus.Counter
	lessons       lessonsBook

	calls    *prometheus.CounterVec
	answered prometheus.Histogram
	logged   *prometheus.CounterVec
	spans    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, version string) *metrics {
	m := &metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_detect_records_total",
			Help: "Records received, by how they ended. Every record is counted once.",
		}, []string{"source", "cluster", "outcome", "reason"}),
		marks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_detect_marked_records_total",
			Help: "Evaluated records that were truncated or late.",
		}, []string{"source", "cluster", "mark"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_pushes_total", Help: "HTTP pushes, by status.",
		}, []string{"code"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_ingest_pushed_bytes_total", Help: "Bytes of pushed records, decompressed.",
		}),
		findings: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_detect_findings_total", Help: "New findings.",
		}),
		folded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_detect_folded_claims_total", Help: "Claims that were told together with others, because their finding type was over its budget for the day.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vedette_store_commit_seconds", Help: "Time from judging a group of pushes to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_detect_last_event_timestamp_seconds", Help: "Event time of the newest record.",
		}, []string{"source", "cluster"}),
		canary: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vedette_line_canary_seconds", Help: "Time from sending a canary record to the commit of its effects.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 16),
		}),
		stored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_journal_appended_bytes_total", Help: "Bytes appended to the journal, compressed.",
		}),
		appended: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vedette_journal_append_seconds", Help: "Time until a message was durable in the journal.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}),
		quiet: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_ingest_source_healthy", Help: "1 while a source is well, 0 when it went quiet, lost records or cannot be reached.",
		}, []string{"source", "cluster"}),
		nodes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vedette_ingest_sensor_nodes", Help: "Nodes of a cluster: expected to have a sensor, and covered by one that is heard and loses nothing.",
		}, []string{"cluster", "state"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_records_total", Help: "Records taken, which are durable in the journal, and those of sensors that are known to be lost. Each ends as an outcome of vedette_detect_records_total.",
		}, []string{"source", "cluster"}),
		intelChanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_intel_changes_total", Help: "Changes of what is judged by: feeds, the operator's files, lists of the API, geo databases.",
		}, []string{"part"}),
		retrospective: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_intel_retrospective_findings_total", Help: "Findings about the past: new ones, or more that was found of them, since a list named it later.",
		}),
	}
	m.own()
	for _, part := range []string{feedsPart, operatorPart, listsPart, "geo"} {
		m.intelChanges.WithLabelValues(part) // so that a first change shows as one
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vedette_build_info", Help: "Always 1; the label says which version runs."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	reg.MustRegister(&lessonsCollector{&m.lessons})
	reg.MustRegister(m.records, m.marks, m.pushes, m.bytes, m.findings, m.folded, m.commit, m.last, m.canary, m.stored, m.appended, m.quiet, m.nodes, m.received, m.intelChanges, m.retrospective, m.calls, m.answered, m.logged, m.spans, build)
	return m
}

// pushed notes one HTTP push.
func (m *metrics) pushed(status, bytes int) {
	m.pushes.WithLabelValues(strconv.Itoa(status)).Inc()
	m.bytes.Add(float64(bytes))
}

// countingSink notes what a sink took.
type countingSink struct {
	ingest.Sink
	metrics *metrics
}

func (s countingSink) Append(ctx context.Context, p *ingest.Push) error {
	err := s.Sink.Append(ctx, p)
	if err == nil {
		s.metrics.received.WithLabelValues(string(p.Result.Source), p.Chunk.Scope.Cluster).Add(float64(p.Result.Events + p.Result.Malformed))
	}
	return err
}

// committed notes what a commit made durable.
func (m *metrics) committed(counts []detect.Count, fresh int, took time.Duration) {
	for _, c := range counts {
		switch c.Outcome {
		case event.Received: // never came, and was on its way
			m.received.WithLabelValues(string(c.Source), c.Scope.Cluster).Add(float64(c.N))
			continue
		case event.MarkTruncated, event.MarkLate, event.MarkNoData, event.MarkSkipData:
			m.marks.WithLabelValues(string(c.Source), c.Scope.Cluster, string(c.Outcome)).Add(float64(c.N))
			continue
		}
		m.records.WithLabelValues(string(c.Source), c.Scope.Cluster, string(c.Outcome), string(c.Reason)).Add(float64(c.N))
		if !c.Last.IsZero() {
			m.last.WithLabelValues(string(c.Source), c.Scope.Cluster).Set(float64(c.Last.Unix()))
		}
	}
	m.findings.Add(float64(fresh))
	m.commit.Observe(took.Seconds())
}
