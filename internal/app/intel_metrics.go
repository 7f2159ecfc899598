package app

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// intelCollector tells what this process judges by, when metrics are read.
// Feeds are those of the configuration, so there are not many.
type intelCollector struct {
	current *current
	// builtin counts the entries that are built in. Their lists are not asked:
	// that would load all that few need.
	builtin func() float64
}

func newIntelCollector(c *current) *intelCollector {
	return &intelCollector{c, sync.OnceValue(func() float64 {
		n := 0.0
		c.set.Load().Part("builtin").Entries(func(intel.Hit) bool { n++; return true })
		return n
	})}
}

// intelDescs are what it tells, by name.
func intelDescs() map[string]*prometheus.Desc {
	out := map[string]*prometheus.Desc{}
	add := func(name, help string, labels ...string) {
		out[name] = prometheus.NewDesc("vedette_intel_"+name, help, labels, nil)
	}
	add("entries", "Entries of the lists in force, by whose lists they are and what these hold.", "kind", "holds")
	add("feed_state", "Always 1; the label says how the feed is: waiting, ok, failing, held, stale or unreadable.", "feed", "state")
	add("feed_fetched_timestamp_seconds", "When the newest good list of the feed was fetched; 0: never.", "feed")
	add("file_state", "Always 1; the label says how a list that the configuration names is: ok, faulty (some lines are left out) or kept (what it said before is in force).", "list", "holds", "state")
	add("file_lines_left_out", "Faulty lines of a list that the configuration names.", "list", "holds")
	return out
}

// Describe tells which metrics there are.
func (c *intelCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range intelDescs() {
		out <- d
	}
}

// Collect reads what is in force.
func (c *intelCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	descs := intelDescs()
	entries := descs["entries"]
	gauge(entries, c.builtin(), string(intel.KindBuiltin), string(intel.HoldsThreats))
	set := c.current.set.Load()
	for _, p := range []struct {
		name string
		kind intel.Kind
	}{{feedsPart, intel.KindFeed}, {operatorPart, intel.KindOperator}, {listsPart, intel.KindAPI}} {
		n := map[intel.Holds]float64{}
		if part := set.Part(p.name); part != nil {
			for _, l := range part.Lists() {
				n[l.Holds] += float64(l.Entries)
			}
		}
		gauge(entries, n[intel.HoldsThreats], string(p.kind), string(intel.HoldsThreats))
		if p.kind != intel.KindFeed {
			gauge(entries, n[intel.HoldsTrusted], string(p.kind), string(intel.HoldsTrusted))
		}
	}
	c.files(descs, gauge)
	status := c.current.feeds.Load()
	if status == nil {
		return // the folder was not read yet, or cannot be
	}
	for _, st := range *status {
		gauge(descs["feed_state"], 1, st.Name, st.State)
		gauge(descs["feed_fetched_timestamp_seconds"], float64(max(0, st.Fetched.Unix())), st.Name)
	}
}

// files tells how the operator's lists are: they are those of the configuration.
func (c *intelCollector) files(descs map[string]*prometheus.Desc, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	files := c.current.files.Load()
	if files == nil {
		return // they were not read again yet
	}
	state, left := descs["file_state"], descs["file_lines_left_out"]
	seen := map[[2]string]bool{}
	for i := range *files {
		f := &(*files)[i]
		if key := [2]string{f.Name, string(f.Holds)}; !seen[key] { // lists with the same name are one here
			seen[key] = true
			gauge(state, 1, f.Name, string(f.Holds), f.state())
			gauge(left, float64(f.LeftOut), f.Name, string(f.Holds))
		}
	}
}

// geoNames are the databases in use, with the days of their making.
func geoNames(sources []geo.Source) string {
	var out []string
	for _, s := range sources {
		if s.Path != "" {
			out = append(out, s.Name+" of "+s.Built.Format("2006-01-02"))
		}
	}
	return strings.Join(out, ", ")
}
