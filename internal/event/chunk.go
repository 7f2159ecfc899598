package event

import "time"

// Chunk is a piece of input that starts and ends at record boundaries.
type Chunk struct {
	Stream   string
	Received time.Time
	// Scope is where the records belong unless they name another cluster or
	// account themselves; OneAccount keeps them in the scope's account, and
	// those of sensors in its Region.
	Scope      Scope
	OneAccount bool
	// Source, if set, is what the records are; "" finds it out by their content.
	Source Source
	// Format names the fields of flow log lines, as the header of a file does;
	// "" is the default format of version 2.
	Format string
	// Home says that the records of other scopes than the chunk's, which belong
	// to other workers, are in chunks of their own, and are none of this one.
	Home bool
	// Learn says that the records are to be learned from and nothing more: see
	// Batch.Learn.
	Learn bool
	// Data is the input. Events alias it: it must not change before the batch
	// made of it has been handled.
	Data []byte
	// Records are the bounds of the records in Data; nil means one a line.
	Records []Span
	// FirstLine is the number of Data's first line in its stream, from 1; 0 when
	// the stream has no lines.
	FirstLine int64
	// Cut says that the last record is longer than the limit and ends where
	// Data ends; Skipped is how many bytes of it were left out.
	Cut     bool
	Skipped int64
}

// Span is a half-open range of bytes.
type Span struct{ Start, End int }
