package app

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// lessonsCollector tells, when metrics are read, how much the models of this
// process know: by plane, of all scopes together.
type lessonsCollector struct{ book *lessonsBook }

// learnedDescs are what it tells, by name.
func learnedDescs() map[string]*prometheus.Desc {
	of := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("vedette_detect_learned_"+name, help, append([]string{"plane"}, labels...), nil)
	}
	return map[string]*prometheus.Desc{
		"events":   of("events", "Events that the models of a plane have learned from."),
		"entities": of("entities", "Profiles that the models of a plane hold."),
		"scopes":   of("scopes", "Clusters and accounts whose model of a plane may raise findings, and those where it still learns.", "state"),
	}
}

// Describe tells which metrics there are.
func (c *lessonsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range learnedDescs() {
		out <- d
	}
}

// Collect adds up the scopes.
func (c *lessonsCollector) Collect(out chan<- prometheus.Metric) {
	type sum struct{ events, entities, ready, learning float64 }
	sums := map[string]*sum{}
	c.book.mu.Lock()
	for _, planes := range c.book.scopes {
		for _, l := range planes {
			s := sums[l.Plane]
			if s == nil {
				s = &sum{}
				sums[l.Plane] = s
			}
			s.events += float64(l.Events)
			s.entities += float64(l.Entities)
			if l.Ready {
				s.ready++
			} else {
				s.learning++
			}
		}
	}
	c.book.mu.Unlock()
	descs := learnedDescs()
	for _, plane := range slices.Sorted(maps.Keys(sums)) {
		s := sums[plane]
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{plane}, labels...)...)
		}
		gauge(descs["events"], s.events)
		gauge(descs["entities"], s.entities)
		gauge(descs["scopes"], s.ready, "ready")
		gauge(descs["scopes"], s.learning, "learning")
	}
}
