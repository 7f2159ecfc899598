package app

import (
	"errors"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
)

// Ledger adds up how records ended.
type Ledger struct {
	Outcomes map[event.Outcome]int64
	Reasons  map[event.Reason]int64
	// First and Last are the event times of those that were judged; zero where
	// none says when it happened.
	First, Last time.Time
}

// Add adds the counts of a batch.
func (l *Ledger) Add(counts []detect.Count) {
	if l.Outcomes == nil {
		l.Outcomes, l.Reasons = map[event.Outcome]int64{}, map[event.Reason]int64{}
	}
	for _, c := range counts {
		l.Outcomes[c.Outcome] += c.N
		if c.Outcome == event.Evaluated && !c.First.IsZero() {
			if l.First.IsZero() || c.First.Before(l.First) {
				l.First = c.First
			}
			if c.Last.After(l.Last) {
				l.Last = c.Last
			}
		}
		if c.Reason != "" {
			l.Reasons[c.Reason] += c.N
		}
	}
}

// Records is the number of records received. Marks are no outcomes: a
// truncated record is among the evaluated ones.
func (l *Ledger) Records() int64 {
	return l.Outcomes[event.Evaluated] + l.Outcomes[event.Duplicate] + l.Outcomes[event.Malformed] + l.Outcomes[event.Dropped]
}

// Unreadable reports whether there were records and not one of them could be
// read: then the input is damaged, or something else than a log.
func (l *Ledger) Unreadable() bool {
	return l.Records() > 0 && l.Outcomes[event.Malformed] == l.Records()
}

// isCorrupt reports whether a read failed because compressed data is damaged
// or ends early, rather than because the file cannot be read.
func isCorrupt(err error) bool {
	var flateErr flate.CorruptInputError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) ||
		errors.As(err, &flateErr) || errors.Is(err, zstd.ErrCRCMismatch) || errors.Is(err, zstd.ErrMagicMismatch) ||
		errors.Is(err, zstd.ErrUnexpectedBlockSize) || errors.Is(err, zstd.ErrReservedBlockType)
}
