package line

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// Journal is where accepted bytes wait. The errors are those of the journal.
type Journal interface {
	Shards() int
	// MaxMessage is the size of the largest message, in bytes.
	MaxMessage() int
	// Append returns nil when a message survives whatever the journal promises
	// to survive. On an error it may be there or not; with the same id it is
	// there once, however often it is appended.
	Append(ctx context.Context, shard int, id string, data []byte) (position uint64, err error)
	// Read returns the messages behind a position, in order.
	Read(shard int, after uint64) Reader
	// Trim says that nobody needs the messages up to a position any more.
	Trim(shard int, upTo uint64)
	State(ctx context.Context, shard int) (journal.State, error)
}

// Reader hands out the messages of a shard.
type Reader interface {
	Next(ctx context.Context) (journal.Message, error)
	TryNext(ctx context.Context) (journal.Message, bool, error)
	Close()
}

// Store keeps who holds which shard, and the effects. *store.Store satisfies
// it with T = *store.Tx.
type Store[T Tx] interface {
	Heartbeat(ctx context.Context, worker string, ttl time.Duration) (store.Workers, error)
	Claim(ctx context.Context, shard int, worker string, ttl time.Duration) (store.Shard, error)
	Release(ctx context.Context, shard int, worker string, epoch int64) error
	Leave(ctx context.Context, worker string) error
	Commit(ctx context.Context, fn func(tx T) error) error
}

// Tx is one commit under way.
type Tx interface {
	Advance(shard int, epoch int64, from, to uint64) error
	Rebase(shard int, epoch int64, journal string, position uint64) error
	State(scope, name string) ([]byte, error)
	PutState(scope, name string, data []byte) error
	PutCursor(name string, data []byte) error
	SetAside(store.SetAside) error
	AddLedger([]store.LedgerRow) error
}

// Judge turns the records of one shard into effects. What it learns of them
// counts from the commit on.
type Judge[T Tx] interface {
	// Judge adds the effects of a push. It does not change the push: after a
	// commit that failed it may get the same one again.
	Judge(tx T, p *Push) error
	// Finish adds what is written once a commit.
	Finish(tx T) error
	// Committed says that everything since the last Finish is durable.
	Committed(took time.Duration)
	// Forget drops what is known: the commit failed, or the shard may have been
	// held by somebody else meanwhile. It is read again when it is needed.
	Forget()
}

// Push is what was pushed at once, decoded.
type Push struct {
	Batch  *event.Batch
	Cursor ingest.Cursor
	// Received is how many records ingest counted when it took the push.
	Received int64
	// Drop, if set, is why no record of the push is judged; Skip is why single
	// ones, by their index in Batch.Events, are not.
	Drop event.Reason
	Skip map[int]event.Reason

	// Trace is the span that took the push, if there is one.
	Trace trace.Context

	recycle func() // if set, gives the memory back; called once, after the commit
}
