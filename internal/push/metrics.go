package push

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector shows a watch as metrics, all of them of one followed log: as many
// as the command line names.
type collector struct {
	watch *Watch
	now   func() time.Time

	sent, malformed, refused, read, posted, bodies, retries *prometheus.Desc
	waiting, since, ready                                   *prometheus.Desc
}

func newCollector(w *Watch, now func() time.Time) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("vedette_push_"+name, help, append([]string{"file"}, labels...), nil)
	}
	return &collector{
		watch: w, now: now,
		sent:      desc("sent_records_total", "Records that the server has in its journal."),
		malformed: desc("malformed_records_total", "Records, of those that were sent, of which nothing can be made."),
		refused:   desc("refused_records_total", "Records that nobody will judge, by why.", "reason"),
		read:      desc("read_bytes_total", "Bytes that were read of the log."),
		posted:    desc("posted_bytes_total", "Bytes that were sent, compressed."),
		bodies:    desc("bodies_total", "Requests that were answered 200."),
		retries:   desc("retries_total", "Attempts that were not taken, and were made again."),
		waiting:   desc("waiting_bytes", "Bytes of the log, and of its rotated files, behind the position: what is not yet known to be in the server's journal."),
		since:     desc("since_answer_seconds", "Seconds since the server last answered 200; not shown before it did."),
		ready:     desc("ready", "1 while the last attempt was answered, 0 while records are not taken."),
	}
}

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.sent, c.malformed, c.refused, c.read, c.posted, c.bodies, c.retries, c.waiting, c.since, c.ready} {
		out <- d
	}
}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, l := range c.watch.all() {
		sum, answered, fault := l.sender.live.read()
		tell := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, kind, v, append([]string{l.path}, labels...)...)
		}
		for _, n := range []struct {
			desc *prometheus.Desc
			n    int64
		}{{c.sent, sum.Sent}, {c.malformed, sum.Malformed}, {c.read, sum.Bytes}, {c.posted, sum.Posted}, {c.bodies, sum.Bodies}, {c.retries, sum.Retries}} {
			tell(n.desc, prometheus.CounterValue, float64(n.n))
		}
		for _, reason := range []string{reasonMalformed, reasonTooLarge, reasonDamaged} {
			tell(c.refused, prometheus.CounterValue, float64(sum.Reasons[reason]), reason)
		}
		if n, err := l.waiting(); err == nil {
			tell(c.waiting, prometheus.GaugeValue, float64(n))
		}
		if !answered.IsZero() {
			tell(c.since, prometheus.GaugeValue, c.now().Sub(answered).Seconds())
		}
		ready := 1.0
		if fault != "" {
			ready = 0
		}
		tell(c.ready, prometheus.GaugeValue, ready)
	}
}
