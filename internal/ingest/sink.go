package ingest

import (
	"context"
	"errors"

	"github.com/vedette-project/vedette/internal/event"
)

// ErrFull is what a Sink answers when it has more than it can take. The sender
// is told to come again; nothing was kept.
var ErrFull = errors.New("too much input is waiting")

// Sink takes raw records and makes them safe. This is the seam of the journal:
// what is behind it may store bytes or judge them at once.
type Sink interface {
	// Append returns nil only when the records of the push, and its cursor,
	// are durable. On any error none of them count, and the same push may be
	// given again. ErrFull is answered at once. It may be called concurrently;
	// two pushes of one stream are judged in the order of the calls.
	Append(ctx context.Context, p *Push) error
}

// Push is what is appended at once.
type Push struct {
	Chunk event.Chunk
	// Cursor, if it has a name, is remembered together with the records.
	Cursor Cursor
	// Result is filled by a Sink that already knows what the records are.
	Result Result
}

// Result is what became of a push.
type Result struct {
	Events, Malformed int64
	Detail            string // about the first malformed record
}

// Cursor is how far a source has been read.
type Cursor struct {
	Name string
	Data []byte
}
