//go:build linux && (amd64 || arm64)

package kernel

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// BenchmarkPrograms tells how often each program runs for work, and for how long
// as the kernel measures it, which itself adds some 20 ns to each run: where the
// time goes, and whether a change of a program was worth it.
func BenchmarkPrograms(b *testing.B) {
	needKernel(b)
	const turns = 20
	for _, what := range []string{"compile", "serve", "connect"} {
		b.Run(what, func(b *testing.B) {
			counting, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
			if err != nil {
				b.Skip(err)
			}
			defer counting.Close()
			for b.Loop() {
				turn := startLabour(b, what)
				withOptions(b, Options{}, func(p *Probe) {
					s := switchOf(b, p)
					turn()
					before := s.ran()
					var cpu float64
					for range turns {
						cpu += turn().all
					}
					var sum time.Duration
					for name, after := range s.ran() {
						if n := after.RunCount - before[name].RunCount; n > 0 {
							took := after.Runtime - before[name].Runtime
							sum += took
							b.Logf("%-18s %9.1f runs a turn, %6.0f ns each, %5.2f %%", name, float64(n)/turns, float64(took)/float64(n), 100*float64(took)/cpu)
						}
					}
					b.ReportMetric(100*float64(sum)/cpu, "%-in-programs")
				})
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// ran is how often and for how long each program ran so far, with what it handed
// over to.
func (s *switched) ran() map[string]*ebpf.ProgramStats {
	out := map[string]*ebpf.ProgramStats{}
	for i, p := range s.programs {
		stats, err := p.Stats()
		if err != nil {
			s.b.Fatal(err)
		}
		out[s.names[i]] = stats
	}
	return out
}
