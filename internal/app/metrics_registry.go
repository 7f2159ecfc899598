package app

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// registry is Prometheus's, and remembers what was registered: a metric without
// a value is none to Prometheus, but one to who writes the manual.
type registry struct {
	*prometheus.Registry
	mu    sync.Mutex
	known []prometheus.Collector
}

func newRegistry() *registry { return &registry{Registry: prometheus.NewRegistry()} }

// Register adds a collector.
func (r *registry) Register(c prometheus.Collector) error {
	if err := r.Registry.Register(c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = append(r.known, c)
	return nil
}

// MustRegister adds collectors of our own making, which cannot be wrong.
func (r *registry) MustRegister(list ...prometheus.Collector) {
	for _, c := range list {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// MetricFamily is a metric as the manual tells of it.
type MetricFamily struct {
	Name   string
	Type   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// MetricFamilies are the metrics of this process that are Vedette's own, also
// those that have no value yet, by name.
func (a *App) MetricFamilies() []MetricFamily {
	a.registry.mu.Lock()
	known := slices.Clone(a.registry.known)
	a.registry.mu.Unlock()
	var out []MetricFamily
	for _, c := range known {
		kind := kindOf(c)
		for _, d := range descsOf(c) {
			if f, ok := familyOf(d, kind); ok {
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(a, b MetricFamily) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func descsOf(c prometheus.Collector) []*prometheus.Desc {
	out := make(chan *prometheus.Desc)
	go func() { defer close(out); c.Describe(out) }()
	var list []*prometheus.Desc
	for d := range out {
		list = append(list, d)
	}
	return list
}

// kindOf is the type of a collector's metrics. Collectors of ours that read
// something when they are asked have gauges only.
func kindOf(c prometheus.Collector) string {
	switch m := c.(type) {
	case *prometheus.CounterVec:
		return "counter"
	case *prometheus.HistogramVec:
		return "histogram"
	case prometheus.Metric:
		var value dto.Metric
		switch err := m.Write(&value); {
		case err == nil && value.Counter != nil:
			return "counter"
		case err == nil && value.Histogram != nil:
			return "histogram"
		}
	}
	return "gauge"
}

var descForm = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"),(?: unit: "[^"]*",)? constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// familyOf reads what a description says; it has no other way to tell.
func familyOf(d *prometheus.Desc, kind string) (f MetricFamily, ours bool) {
	m := descForm.FindStringSubmatch(d.String())
	if m == nil {
		panic(fmt.Sprintf("a description of Prometheus reads in another way than is known: %s", d))
	}
	f = MetricFamily{Type: kind}
	f.Name, _ = strconv.Unquote(m[1])
	f.Help, _ = strconv.Unquote(m[2])
	if m[3] != "" {
		f.Labels = strings.Split(m[3], ",")
	}
	return f, strings.HasPrefix(f.Name, "vedette_")
}
