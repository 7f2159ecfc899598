package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// journalCollector asks journal and store, when metrics are read, how much waits.
type journalCollector struct{ app *App }

// journalDescs are the metrics of shards, by name.
func journalDescs() map[string]*prometheus.Desc {
	of := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("vedette_journal_"+name, help, []string{"shard"}, nil)
	}
	return map[string]*prometheus.Desc{
		"bytes":     of("bytes", "Bytes that wait in the journal, compressed."),
		"max_bytes": of("max_bytes", "Bytes the journal may hold; beyond them senders are told to come again."),
		"waiting":   of("waiting_messages", "Messages that are not judged yet."),
		"oldest":    of("oldest_waiting_seconds", "How long the oldest message waits that is not judged yet; 0 where none does."),
	}
}

func shardsDesc() *prometheus.Desc {
	return prometheus.NewDesc("vedette_line_shards", "Shards that this process holds. Those of all processes must add up to journal.shards.", nil, nil)
}

// Describe tells which metrics there are.
func (c *journalCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range journalDescs() {
		out <- d
	}
	out <- shardsDesc()
}

// Collect reads the shards that this process answers for: those it holds, or
// all of them where it does not judge.
func (c *journalCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	descs := journalDescs()
	gauge := func(name, shard string, v float64) {
		out <- prometheus.MustNewConstMetric(descs[name], prometheus.GaugeValue, v, shard)
	}
	if c.app.worker != nil {
		held, _ := c.app.worker.Held()
		out <- prometheus.MustNewConstMetric(shardsDesc(), prometheus.GaugeValue, float64(held))
	}
	for _, n := range c.app.answersFor() {
		st, behind, err := c.app.place(ctx, n)
		if st.ID == "" {
			continue // readyz says so
		}
		shard := strconv.Itoa(n)
		gauge("bytes", shard, float64(st.Bytes))
		gauge("max_bytes", shard, float64(st.MaxBytes))
		if err == nil {
			gauge("waiting", shard, float64(behind))
			if age, err := c.app.oldest(ctx, n, st.Last, behind); err == nil {
				gauge("oldest", shard, age.Seconds())
			}
		}
	}
}

func (a *App) answersFor() []int {
	if a.worker != nil {
		return a.worker.Shards()
	}
	out := make([]int, a.journal.Shards())
	for i := range out {
		out[i] = i
	}
	return out
}

// oldest is how long the first of those messages waits that are not judged yet.
func (a *App) oldest(ctx context.Context, shard int, last, behind uint64) (time.Duration, error) {
	if behind == 0 {
		return 0, nil
	}
	stored, err := a.journal.Stored(ctx, shard, last-behind+1)
	return max(0, a.Now().Sub(stored)), err
}
