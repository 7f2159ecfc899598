package line

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/trace"
)

// keptTracer is a tracer that nobody reads; all of its traces are kept.
func keptTracer() *trace.Tracer {
	return trace.New(trace.Options{Sample: 1, Now: time.Now, Observe: func(trace.Outcome, int) {}})
}

// TestCarriedTraces: the traces of the entries of a message are those that the
// reader gives to their pushes; what is wrong with them harms nothing.
func TestCarriedTraces(t *testing.T) {
	tracer := keptTracer()
	var group []*pending
	var want []trace.Context
	for i := range 3 * maxTraced {
		c := tracer.Start(trace.Context{}, "push", trace.Server).Context()
		c.Sampled = i%2 == 0
		group = append(group, &pending{push: &Push{Trace: c}})
		if !c.Sampled || i >= 2*maxTraced {
			c = trace.Context{}
		}
		want = append(want, c)
	}
	words := carry(group)
	m := newMessage(journal.Message{Carried: words}, tracer)
	if got := m.traces(len(group)); len(words) != maxTraced || !slices.Equal(got, want) {
		t.Errorf("%d words: %v, want %v", len(words), got, want)
	}
	if got := newMessage(journal.Message{Carried: words}, nil).traces(len(group)); got != nil {
		t.Error("where nothing is traced, traces are read")
	}
	const parent = " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	bad := newMessage(journal.Message{Carried: []string{"", "x" + parent, "-1" + parent, "2" + parent, "99999999999999999999" + parent, "0", "1 nonsense"}}, tracer)
	if got := bad.traces(2); !slices.Equal(got, make([]trace.Context, 2)) {
		t.Errorf("%v", got)
	}
}

func FuzzCarriedTraces(f *testing.F) {
	tracer := keptTracer()
	f.Add("1 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 2)
	f.Fuzz(func(t *testing.T, word string, entries int) {
		entries = min(max(entries, 0), 1000)
		if got := newMessage(journal.Message{Carried: []string{word}}, tracer).traces(entries); len(got) != entries {
			t.Errorf("%d traces of %d entries", len(got), entries)
		}
	})
}

// BenchmarkTake is a push on its way to the journal, traced and not.
func BenchmarkTake(b *testing.B) {
	for name, tracer := range map[string]*trace.Tracer{"off": nil, "kept": keptTracer()} {
		b.Run(name, func(b *testing.B) {
			w := NewWriter(WriterOptions{
				Journal: forgetful{}, Sleep: func(context.Context, time.Duration) error { return nil }, Retry: time.Millisecond,
				Log: slog.New(slog.DiscardHandler), Appended: func(int, int, time.Duration) {}, Now: time.Now, Tracer: tracer,
			})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); w.Run(ctx) }()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := w.Append(ctx, small(i)); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			<-done
		})
	}
}

// forgetful is a journal that keeps nothing.
type forgetful struct{ Journal }

func (forgetful) Shards() int     { return 1 }
func (forgetful) MaxMessage() int { return 1 << 30 }
func (forgetful) Append(context.Context, int, string, []byte) (uint64, error) {
	return 1, nil
}
