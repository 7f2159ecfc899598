package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of JetStream that say that there is no room.
const (
	codeStoreFailed         jetstream.ErrorCode = 10077 // with "maximum bytes exceeded"
	codeAccountLimit        jetstream.ErrorCode = 10002
	codeInsufficient        jetstream.ErrorCode = 10023
	codeStorageExceeded     jetstream.ErrorCode = 10047
	codeNoPeers             jetstream.ErrorCode = 10005
	codeSubjectsOverlap     jetstream.ErrorCode = 10065
	codeReplicasUnsupported jetstream.ErrorCode = 10074
)

// Append stores one message and says where. When it returns nil the message
// survives a power loss. An id makes it safe to append the same message again
// within some minutes: it is stored once and the first position is returned.
func (j *Journal) Append(ctx context.Context, shard int, id string, data []byte) (uint64, error) {
	if err := j.check(shard); err != nil {
		return 0, err
	}
	if len(data) > j.MaxMessage() {
		return 0, fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, len(data), j.MaxMessage())
	}
	if j.server != nil {
		if err := j.server.room(int64(len(data))); err != nil {
			return 0, err
		}
	}
	asked := time.Now()
	wait, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if j.server != nil {
		wait, cancel = j.server.untilFailed(wait)
		defer cancel()
	}
	msg := &nats.Msg{Subject: j.opts.subject(shard), Data: data, Header: carried(ctx, j.MaxMessage()-len(data))}
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(j.opts.stream(shard))}
	if id != "" {
		options = append(options, jetstream.WithMsgID(id))
	}
	ack, err := j.js.PublishMsg(wait, msg, options...)
	if err != nil {
		return 0, j.appendError(ctx, asked, err)
	}
	j.answered()
	if j.server != nil {
		if err := j.server.syncShard(shard); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	// Readers ask again by themselves if this does not reach them.
	_ = j.write.Publish(j.opts.wake(shard), strconv.AppendUint(nil, ack.Sequence, 10))
	return ack.Sequence, nil
}

// appendError sorts what went wrong.
func (j *Journal) appendError(ctx context.Context, asked time.Time, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	if errors.Is(err, nats.ErrMaxPayload) || strings.Contains(err.Error(), "message too large") {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch {
		case api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, "maximum bytes"),
			api.ErrorCode == codeAccountLimit, api.ErrorCode == codeInsufficient, api.ErrorCode == codeStorageExceeded:
			return fmt.Errorf("%w: %s", ErrFull, api.Description)
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if j.server != nil {
		j.server.kick()
		if err := j.server.room(0); err != nil {
			return err
		}
	} else {
		j.suspect(asked)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
