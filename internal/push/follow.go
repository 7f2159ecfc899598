package push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// FollowOptions say which logs are followed.
type FollowOptions struct {
	Options
	Paths  []string // absolute
	Source event.Source
	Format string // fields of flow log lines that have no header
	// Dir is the folder in which the positions are kept.
	Dir  string
	Poll time.Duration // how often to look for more; 0 means 200 ms
	// Watch, if not nil, is told of the logs, for whoever asks how they do.
	Watch *Watch
}

// Follow sends logs as they grow, until the context ends, and returns what
// became of them. A position is kept when the server has answered that all
// before it is on disk: what is not sent stays in the log.
func Follow(ctx context.Context, o FollowOptions) (Summary, error) {
	o.Patient = true
	places, err := openPositions(o.Dir)
	if err != nil {
		return Summary{}, err
	}
	logs := make([]*log, len(o.Paths))
	for i := range logs {
		sender, err := New(o.Options)
		if err != nil {
			return Summary{}, err
		}
		logs[i] = &log{sender, places}
		o.Watch.add(o.Paths[i], sender, places)
	}
	errs := make([]error, len(logs))
	var wg sync.WaitGroup
	for i, l := range logs {
		wg.Go(func() {
			errs[i] = ingest.Follow(ctx, ingest.FollowOptions{
				Path: o.Paths[i], Scope: event.Scope{Cluster: o.Cluster}, Source: o.Source, Format: o.Format, Sink: l, Cursor: places.get,
				Now: time.Now, Log: o.Log, Poll: o.Poll, Temp: o.Dir,
			})
			errs[i] = errors.Join(errs[i], l.sender.Close())
		})
	}
	wg.Wait()
	sum := Summary{Files: len(logs)}
	for _, l := range logs {
		sum.add(l.sender.Summary())
	}
	return sum, errors.Join(errs...)
}

// log is one that is followed: what its follower appends goes to the server.
type log struct {
	sender *Sender
	places *positions
}

// Append returns when the server has the records, and the position behind them
// is kept, or when the context ends.
func (l *log) Append(ctx context.Context, p *ingest.Push) error {
	err := l.append(ctx, p)
	if ctx.Err() == nil {
		l.sender.live.ended(err)
	}
	return err
}

func (l *log) append(ctx context.Context, p *ingest.Push) error {
	if err := l.sender.Take(ctx, &p.Chunk); err != nil {
		return fmt.Errorf("send to the server: %w", err)
	}
	if err := l.sender.Flush(ctx); err != nil {
		return fmt.Errorf("send to the server: %w", err)
	}
	return l.places.put(p.Cursor.Name, p.Cursor.Data)
}
