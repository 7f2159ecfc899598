package journal

import "errors"

var (
	// ErrFull says that the shard, or the file system, has no room. It is
	// answered at once; after a Trim there is room again.
	ErrFull = errors.New("the journal is full")
	// ErrUnavailable says that the journal could not be asked in time: no
	// connection, no leader, no answer. The message may have been stored; to
	// append it again with the same id is safe.
	ErrUnavailable = errors.New("the journal is unavailable")
	// ErrTooLarge says that a message can never be stored.
	ErrTooLarge = errors.New("the message is larger than the journal takes")
	// ErrClosed says that the journal or the reader has been closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrRewound says that the stream ends before the position to read from:
	// it was deleted and made anew, or lost its end. What is in it now is not
	// what the position was counted in.
	ErrRewound = errors.New("the journal ends before the position to read after")
)
