package journal

import (
	"context"

	"github.com/nats-io/nats.go"
)

// A message may carry words beside its data: in headers, so that a reader of an
// older version passes over them. They may get lost, and nothing depends on them.

// carryHeader is the header of the words, one value each.
const carryHeader = "Vedette-Trace"

// headerRoom is what the header takes beside its values.
const headerRoom = 128

type carryKey struct{}

// Carry returns a context in which Append sends words along with a message.
func Carry(ctx context.Context, words []string) context.Context {
	if len(words) == 0 {
		return ctx
	}
	return context.WithValue(ctx, carryKey{}, words)
}

// carried is the header for what a context has a message carry, if there is
// room for it.
func carried(ctx context.Context, room int) nats.Header {
	words, _ := ctx.Value(carryKey{}).([]string)
	if len(words) == 0 {
		return nil
	}
	size := headerRoom
	for _, w := range words {
		size += len(carryHeader) + len(w) + len(": \r\n")
	}
	if size > room {
		return nil
	}
	return nats.Header{carryHeader: words}
}
