package app

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/store"
)

// ruleKey names a text of a rule.
type ruleKey struct{ rule, version string }

// ruleBook counts, commit by commit, what rules do in a shard.
type ruleBook struct {
	shard   int
	metrics *ruleMetrics // may be nil

	counts map[ruleKey]*store.RuleCount // of the commit under way
	// open are findings that were not there before the batch at hand, of rules.
	open map[string]ruleKey
	// costs were measured and are not stored yet. They need not be exact, and so
	// wait until it is worth it.
	costs   map[ruleKey]*store.RuleCount
	stored  time.Time // when costs were stored last
	storing bool      // they are in the commit under way
}

// costsEvery is how often costs are stored.
const costsEvery = time.Minute

func newRuleBook() ruleBook { return ruleBook{costs: map[ruleKey]*store.RuleCount{}} }

// begin forgets the commit before.
func (b *ruleBook) begin() {
	b.counts, b.open, b.storing = map[ruleKey]*store.RuleCount{}, map[string]ruleKey{}, false
}

func (b *ruleBook) row(of map[ruleKey]*store.RuleCount, k ruleKey) *store.RuleCount {
	if of[k] == nil {
		of[k] = &store.RuleCount{Rule: k.rule, Version: k.version}
	}
	return of[k]
}

// before counts the rules that a batch fulfilled, and notes which of their
// findings are not there yet.
func (b *ruleBook) before(in drafting, fired []detect.RuleCount) error {
	clear(b.open)
	for i := range fired {
		f := &fired[i]
		k := ruleKey{f.Rule, f.Version}
		c := b.row(b.counts, k)
		c.Matched++
		if f.Time.After(c.Last) {
			c.Last = f.Time
		}
		if f.Would {
			c.Would++
		}
		if f.Signal == nil {
			continue
		}
		id := f.Signal.Identity()
		if _, err := in.draft(id); errors.Is(err, finding.ErrNotFound) {
			b.open[id] = k
		} else if err != nil {
			return err
		}
	}
	return nil
}

// after counts those of the findings that are there now.
func (b *ruleBook) after(in drafting) error {
	for id, k := range b.open {
		if _, err := in.draft(id); err == nil {
			b.row(b.counts, k).Found++
		} else if !errors.Is(err, finding.ErrNotFound) {
			return err
		}
	}
	return nil
}

// write stores what the commit came to.
func (b *ruleBook) write(tx *store.Tx, measured []rule.Cost, now time.Time) error {
	for _, c := range measured {
		row := b.row(b.costs, ruleKey{c.Rule.Ref(), c.Rule.Version()})
		row.Asked, row.Took = row.Asked+c.Asked, row.Took+c.Took
		b.metrics.cost(c.Took)
	}
	all := b.counts
	if b.storing = len(b.costs) > 0 && now.Sub(b.stored) >= costsEvery; b.storing {
		all = map[ruleKey]*store.RuleCount{}
		for _, part := range []map[ruleKey]*store.RuleCount{b.counts, b.costs} {
			for k, c := range part {
				row := b.row(all, k)
				row.Matched, row.Found, row.Would = row.Matched+c.Matched, row.Found+c.Found, row.Would+c.Would
				row.Asked, row.Took, row.Last = row.Asked+c.Asked, row.Took+c.Took, later(row.Last, c.Last)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	rows := make([]store.RuleCount, 0, len(all))
	for _, c := range all {
		rows = append(rows, *c)
	}
	return tx.AddRuleCounts(b.shard, rows)
}

// committed tells the metrics.
func (b *ruleBook) committed(now time.Time) {
	for _, c := range b.counts {
		b.metrics.count(c)
	}
	if b.storing {
		b.costs, b.stored = map[ruleKey]*store.RuleCount{}, now
	}
}

// ruleMetrics are totals over all rules: each rule's own are in the store. A
// process that does not detect has none, which is nil.
type ruleMetrics struct {
	matches, findings, would prometheus.Counter
	reloads                  *prometheus.CounterVec
	faulty                   prometheus.Gauge
	seconds                  prometheus.Counter
}

func newRuleMetrics(reg prometheus.Registerer, live *liveRules) *ruleMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "vedette_rules_" + name, Help: help})
	}
	m := &ruleMetrics{
		matches:  counter("matches_total", "Events that fulfilled a rule, of all rules; `vedette rules status` has those of each."),
		findings: counter("findings_total", "New findings of rules."),
		would:    counter("dry_run_findings_total", "New findings that rules in a dry run would have made."),
		seconds:  counter("sampled_seconds_total", "Time that rules took of one event in 256."),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_rules_reloads_total", Help: "Changes of the rules on disk, by what became of them: ok, or fault, which leaves those from before in force.",
		}, []string{"result"}),
		faulty: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vedette_rules_fault", Help: "1 while the rules on disk cannot be loaded and those from before are in force.",
		}),
	}
	for _, result := range []string{"ok", "fault"} { // so that a first one shows
		m.reloads.WithLabelValues(result)
	}
	reg.MustRegister(m.matches, m.findings, m.would, m.seconds, m.reloads, m.faulty, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "vedette_rules_loaded", Help: "Rules in force: the operator's own and those of the pack.",
	}, func() float64 { return float64(len(live.get().Set.Rules())) }))
	return m
}

func (m *ruleMetrics) count(c *store.RuleCount) {
	if m == nil {
		return
	}
	m.matches.Add(float64(c.Matched))
	m.findings.Add(float64(c.Found))
	m.would.Add(float64(c.Would))
}

func (m *ruleMetrics) cost(d time.Duration) {
	if m != nil {
		m.seconds.Add(max(d, 0).Seconds())
	}
}

func (m *ruleMetrics) reloaded(result string) {
	if m != nil {
		m.reloads.WithLabelValues(result).Inc()
	}
}

func (m *ruleMetrics) fault(is bool) {
	if m == nil {
		return
	}
	m.faulty.Set(0)
	if is {
		m.faulty.Set(1)
	}
}
