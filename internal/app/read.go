package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// ReadOptions say which logs are read and who gets what is in them; all fields
// but Stdin are required.
type ReadOptions struct {
	Paths []string // files, folders, or "-" for standard input
	Stdin io.Reader
	Kind  event.Chunk // what all chunks have in common
	Log   *slog.Logger
	// Take gets the chunks in the order of their records. A chunk's Data is used
	// again when it returns.
	Take func(context.Context, *event.Chunk) error
	// Damaged is told of each file in which, or in the rest of which, no records
	// can be told apart.
	Damaged func(path string, reason event.Reason, detail string)
}

// ReadLogs reads logs to their end as Scan does, and returns how many files it
// read and why others could not be opened or read to their end.
func ReadLogs(ctx context.Context, o ReadOptions) (files int, unread []error, err error) {
	paths, err := expand(o.Paths)
	if err != nil {
		return 0, nil, err
	}
	pool := ingest.NewPool(2)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	h := &head{
		stdin: o.Stdin, pool: pool, log: o.Log, kind: o.Kind,
		take: func(ctx context.Context, c *event.Chunk) error {
			err := o.Take(ctx, c)
			pool.Put(c.Data)
			if err != nil {
				cancel(err) // it concerns the other files, too
			}
			return err
		},
		damage: func(_ context.Context, path string, reason event.Reason, detail string) error {
			o.Damaged(path, reason, detail)
			return nil
		},
		after: func(context.Context, string) error { files++; return nil },
	}
	if len(paths) > 1 {
		paths = h.inTimeOrder(paths)
	}
	err = h.readAll(ctx, paths)
	return files, h.unread, err
}
