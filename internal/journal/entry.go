package journal

import (
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
)

// Entry is one push: a piece of input and what is to be remembered with it.
type Entry struct {
	Chunk event.Chunk
	// CursorName and CursorData are the position of the source behind the chunk.
	CursorName string
	CursorData []byte
	// Records is how many records ingest counted in the chunk.
	Records int64
}

// MaxRaw bounds what the entries of one message may amount to before
// compression. Decode refuses more.
const MaxRaw = 128 << 20

// CorruptError says that bytes are not a message that Encode made.
type CorruptError struct{ Why string }

func (e *CorruptError) Error() string { return "corrupt journal message: " + e.Why }

func corrupt(format string, args ...any) error {
	return &CorruptError{fmt.Sprintf(format, args...)}
}

// A message is
//
//	"VJ", version, CRC-32C of all that follows (4 bytes, little endian),
//	compressed body
//
// and the body is the number of entries and then the entries. Numbers are
// varints, strings and bytes have their length before them.
const (
	magic      = "VJ"
	version1   = 1 // the body is one S2 block
	headerSize = len(magic) + 1 + 4

	flagOneAccount = 1 << 0
	flagCut        = 1 << 1
	flagReceived   = 1 << 2 // the time is set
	flagRecords    = 1 << 3 // the bounds of the records are given
	flagKind       = 1 << 4 // the source or the format of the records is given
	flagHome       = 1 << 5
	flagLearn      = 1 << 6
	knownFlags     = flagOneAccount | flagCut | flagReceived | flagRecords | flagKind | flagHome | flagLearn

	// minEntry is the size of an entry with nothing in it.
	minEntry = 10
)
