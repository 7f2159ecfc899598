package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// journalCollector asks journal and store, when metrics are read, how much waits.
type journalCollector struct{ app *App }

func journalDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("vedette_journal_"+name, help, []string{"shard"}, nil)
}

func shardsDesc() *prometheus.Desc {
	return prometheus.NewDesc("vedette_line_shards", "Shards that this process holds. Those of all processes must add up to journal.shards.", nil, nil)
}

// Describe describes nothing: what there is depends on the shards held.
func (c *journalCollector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the shards that this process answers for: those it holds, or
// all of them where it does not judge.
func (c *journalCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	gauge := func(name, help, shard string, v float64) {
		out <- prometheus.MustNewConstMetric(journalDesc(name, help), prometheus.GaugeValue, v, shard)
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
		gauge("bytes", "Bytes that wait in the journal, compressed.", shard, float64(st.Bytes))
		gauge("max_bytes", "Bytes the journal may hold; beyond them senders are told to come again.", shard, float64(st.MaxBytes))
		if err == nil {
			gauge("waiting_messages", "Messages that are not judged yet.", shard, float64(behind))
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
