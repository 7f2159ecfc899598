package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
)

// ErrFull is what a Sink answers when it has more than it can take. The sender
// is told to come again; nothing was kept.
var ErrFull = errors.New("too much input is waiting")

// TooLargeError says that one record is larger than the journal takes.
type TooLargeError struct{ Size, Max int } // bytes, compressed

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a message of %d bytes is larger than the %d that the journal takes; raise max_payload of the NATS servers", e.Size, e.Max)
}

// Sink takes raw records and makes them safe. This is the seam of the journal.
type Sink interface {
	// Append returns nil only when the records of the push, and its cursor, are
	// durable: they will be judged whatever dies. On any error they may be kept
	// or not, and the same push may be given again: what was kept twice counts
	// once. ErrFull is answered at once. It may be called concurrently; two
	// pushes of one stream are judged in the order of the calls.
	Append(ctx context.Context, p *Push) error
}

// Push is what is appended at once.
type Push struct {
	Chunk event.Chunk
	// Confined has a push refused, as [Denied], that holds a record of another
	// scope than its chunk's.
	Confined bool
	// Cursor, if it has a name, is committed together with the effects of the
	// records.
	Cursor Cursor
	// Recycle, if set, is called when nothing reads the chunk's Data any more;
	// it may never be.
	Recycle func()
	// Trace is the span that the push is a part of, if it is.
	Trace trace.Context
	// Result is filled in by Append.
	Result Result
}

// Result is what became of a push.
type Result struct {
	Source            event.Source // of the first record
	Events, Malformed int64
	Detail            string // about the first malformed record
}

// Cursor is how far a source has been read.
type Cursor struct {
	Name string
	Data []byte
}
