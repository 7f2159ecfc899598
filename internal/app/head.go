package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// head is the beginning of a line whose records are in files: it reads them one
// after the other and cuts them into chunks. One goroutine owns it.
type head struct {
	stdin io.Reader
	pool  *ingest.Pool
	log   *slog.Logger
	kind  event.Chunk // what all chunks have in common
	// take gets the chunks, in the order of the input. Their Data goes back to
	// the pool when nothing reads it any more.
	take func(context.Context, *event.Chunk) error
	// damage is told where no records can be told apart.
	damage func(ctx context.Context, path string, reason event.Reason, detail string) error
	// after, if set, is told when all of a file was read.
	after func(ctx context.Context, path string) error
	// skip, if set, says how many chunks of a file were taken before.
	skip func(path string) (chunks int, whole bool)

	unread []error // of files that could not be read to their end
}

func (h *head) readAll(ctx context.Context, paths []string) error {
	for _, p := range paths {
		err := h.readOne(ctx, p)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			h.unread = append(h.unread, err)
		}
	}
	return nil
}

func (h *head) readOne(ctx context.Context, path string) error {
	before, whole := 0, false
	if h.skip != nil {
		if before, whole = h.skip(path); whole {
			return nil
		}
	}
	in, err := ingest.Open(path, h.stdin)
	if err != nil && isCorrupt(err) {
		return h.damaged(ctx, path, err)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if in.Binary {
		return h.damage(ctx, path, event.ReasonBinary, "the file is neither text nor gzip nor zstd")
	}
	f := ingest.NewFramer(in, h.pool)
	for n := 0; ; n++ {
		c := h.kind
		c.Stream, c.Received = path, in.Modified
		switch err := f.Next(&c); {
		case errors.Is(err, io.EOF):
			if h.after != nil {
				return h.after(ctx, path)
			}
			return nil
		case err != nil && isCorrupt(err):
			return h.damaged(ctx, path, err)
		case err != nil:
			return fmt.Errorf("read %s: %w", path, err)
		}
		if n < before {
			h.pool.Put(c.Data)
			continue
		}
		if err := h.take(ctx, &c); err != nil {
			return err
		}
	}
}

// damaged accounts for the rest of a file whose compression is broken. What
// came before the fault was read.
func (h *head) damaged(ctx context.Context, path string, err error) error {
	what := "compressed input is damaged; the rest of the file cannot be read"
	var parquet *ingest.ParquetError
	if errors.As(err, &parquet) {
		what = "a Parquet file is damaged; the rest of it cannot be read"
	}
	h.log.Warn(what, "file", path, "err", err)
	return h.damage(ctx, path, event.ReasonIncomplete, "") // it was told
}
