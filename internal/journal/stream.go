package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var errForeign = errors.New("the stream exists and is not one of ours")

func (j *Journal) ensureStreams(ctx context.Context) error {
	for shard := range j.opts.Shards {
		err := j.ensureStream(ctx, shard)
		for wait := firstPause; isEarly(err) && wait < maxEarly && ctx.Err() == nil; wait *= 2 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			if again := j.ensureStream(ctx, shard); again == nil || ctx.Err() == nil {
				err = again
			}
		}
		if err != nil {
			return j.streamError(shard, err)
		}
	}
	return nil
}

// maxEarly is the longest pause between looks at a stream that others make at
// the same moment.
const maxEarly = 5 * time.Second

// isEarly reports whether a stream that another process is just making is not
// known everywhere yet, or too few servers of the cluster have been heard of.
func isEarly(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) || isNoPeers(err)
}

// isNoPeers reports whether the cluster has no place for the replicas. So it
// says also of servers that just start.
func isNoPeers(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeNoPeers
}

// ensureStream makes the stream of a shard, or gives it the present limits.
func (j *Journal) ensureStream(ctx context.Context, shard int) error {
	want := j.streamConfig(shard)
	have, err := j.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		want.Metadata = map[string]string{metadataID: rand.Text()}
		_, err = j.js.CreateStream(ctx, want)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
		have, err = j.js.Stream(ctx, want.Name) // another process was faster
	}
	if err != nil {
		return err
	}
	is := have.CachedInfo().Config
	if is.Metadata[metadataID] == "" || len(is.Subjects) != 1 || is.Subjects[0] != want.Subjects[0] ||
		is.Retention != want.Retention || is.Storage != want.Storage {
		return fmt.Errorf("%w (its subjects are %q): choose another journal.nats.name", errForeign, is.Subjects)
	}
	want = withLimits(is, want)
	if reflect.DeepEqual(is, want) {
		return nil
	}
	_, err = j.js.UpdateStream(ctx, want)
	return err
}

func (j *Journal) streamConfig(shard int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        j.opts.stream(shard),
		Description: "Vedette: input that waits for its worker",
		Subjects:    []string{j.opts.subject(shard)},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    j.opts.share(),
		MaxMsgs:     -1,
		MaxMsgSize:  -1,
		Replicas:    j.opts.Replicas,
		Duplicates:  dedupWindow,
		AllowDirect: true,
		DenyDelete:  true,
	}
}

// withLimits is a configuration with our limits; what else an operator has set
// stays. With DiscardNew a lower limit deletes nothing.
func withLimits(is, want jetstream.StreamConfig) jetstream.StreamConfig {
	is.Discard, is.MaxBytes, is.MaxMsgs, is.MaxMsgSize, is.MaxAge = want.Discard, want.MaxBytes, want.MaxMsgs, want.MaxMsgSize, 0
	is.MaxMsgsPerSubject, is.DiscardNewPerSubject = -1, false
	is.Replicas, is.Duplicates, is.AllowDirect = want.Replicas, want.Duplicates, want.AllowDirect
	is.NoAck, is.Sealed = false, false
	return is
}

// streamError says which setting could be meant by an error of JetStream.
func (j *Journal) streamError(shard int, err error) error {
	where := fmt.Sprintf("journal stream %s", j.opts.stream(shard))
	if j.server != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	var api *jetstream.APIError
	errors.As(err, &api)
	switch {
	case errors.Is(err, errForeign):
		return fmt.Errorf("%s: %w", where, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%s: journal.nats.url: JetStream is not enabled for this account: %w", where, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%s: journal.nats.url: JetStream is not enabled on the server, or has no leader: %w: %w", where, ErrUnavailable, err)
	case isNoPeers(err) && strings.Contains(api.Description, "offline"):
		return fmt.Errorf("%s: journal.nats.replicas: too few servers of the cluster are there for %d replicas: %w: %w", where, j.opts.Replicas, ErrUnavailable, err)
	case api != nil && (api.ErrorCode == codeNoPeers || api.ErrorCode == codeReplicasUnsupported):
		return fmt.Errorf("%s: journal.nats.replicas: the cluster cannot hold %d replicas: %w", where, j.opts.Replicas, err)
	case api != nil && api.ErrorCode == codeSubjectsOverlap:
		return fmt.Errorf("%s: journal.nats.name: another stream has the subject %s: %w", where, j.opts.subject(shard), err)
	case api != nil && (api.ErrorCode == codeStorageExceeded || api.ErrorCode == codeAccountLimit || api.ErrorCode == codeInsufficient):
		return fmt.Errorf("%s: journal.maxBytes: the cluster has no room for %d bytes: %w", where, j.opts.share(), err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%s: journal.nats.url: the user needs publish and subscribe on $JS.API.>, _INBOX.> and %s.>: %w", where, j.opts.Name, err)
	case api == nil:
		return fmt.Errorf("%s: %w: %w", where, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", where, err)
}
