package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// State is what a shard holds.
type State struct {
	// ID is the identity of the stream: another one when it was deleted and
	// made anew, so positions of one ID mean nothing in another.
	ID          string
	First, Last uint64
	// Messages counts what is stored; the newest message that was trimmed stays.
	Messages        uint64
	Bytes, MaxBytes int64
}

// State asks for the state of a shard. Shards beyond Shards, left from a
// configuration with more of them, can be asked for too.
func (j *Journal) State(ctx context.Context, shard int) (State, error) {
	return j.state(ctx, shard, requestTimeout)
}

func (j *Journal) state(ctx context.Context, shard int, timeout time.Duration) (State, error) {
	info, err := j.info(ctx, shard, timeout)
	if err != nil {
		return State{}, err
	}
	return State{
		ID:       info.Config.Metadata[metadataID],
		First:    info.State.FirstSeq,
		Last:     info.State.LastSeq,
		Messages: info.State.Msgs,
		Bytes:    int64(info.State.Bytes),
		MaxBytes: info.Config.MaxBytes,
	}, nil
}

func (j *Journal) info(ctx context.Context, shard int, timeout time.Duration) (*jetstream.StreamInfo, error) {
	asked := time.Now()
	wait, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stream, err := j.js.Stream(wait, j.opts.stream(shard))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("journal stream %s: %w", j.opts.stream(shard), err)
	}
	if err != nil {
		if ctx.Err() == nil {
			j.suspect(asked)
		}
		return nil, fmt.Errorf("%w: journal stream %s: %w", ErrUnavailable, j.opts.stream(shard), err)
	}
	info := stream.CachedInfo()
	if leaderless(info, &j.opts) { // or the server is cut off from those that know it
		j.suspect(asked)
	} else {
		j.answered()
	}
	return info, nil
}

func leaderless(info *jetstream.StreamInfo, o *Options) bool {
	return info.Cluster != nil && o.Replicas > 1 && info.Cluster.Leader == ""
}

// Healthy is nil when every shard can be asked, and else why not.
func (j *Journal) Healthy(ctx context.Context) error {
	if j.ctx.Err() != nil {
		return ErrClosed
	}
	if j.server != nil {
		if err := j.server.health(); err != nil {
			return err
		}
	}
	if !j.write.IsConnected() || !j.read.IsConnected() {
		return fmt.Errorf("%w: not connected (%v)", ErrUnavailable, j.write.LastError())
	}
	for shard := range j.opts.Shards {
		info, err := j.info(ctx, shard, requestTimeout)
		if err != nil {
			return err
		}
		if leaderless(info, &j.opts) {
			return fmt.Errorf("%w: journal stream %s has no leader", ErrUnavailable, j.opts.stream(shard))
		}
	}
	return nil
}
