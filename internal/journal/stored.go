package journal

import (
	"context"
	"fmt"
	"time"
)

// Stored is when the message at a position was stored, by the clock of the
// journal's server.
func (j *Journal) Stored(ctx context.Context, shard int, position uint64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stream, err := j.js.Stream(ctx, j.opts.stream(shard))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: journal stream %s: %w", ErrUnavailable, j.opts.stream(shard), err)
	}
	m, err := stream.GetMsg(ctx, position)
	if err != nil {
		return time.Time{}, fmt.Errorf("read position %d of journal stream %s: %w", position, j.opts.stream(shard), err)
	}
	return m.Time, nil
}
