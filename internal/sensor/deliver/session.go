package deliver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	"unsafe"
)

// Session remembers how far a run of a sensor numbered its records, in a way
// that outlives its sudden end: so the next run can say what never arrived.
type Session struct {
	ID     string
	memory []byte // of the file
	close  func() error
}

// Ended is an earlier run: its id, the number of its last record and when that was.
type Ended struct {
	ID       string
	Sequence uint64
	Last     time.Time
}

// The file: magic, sequence, nanoseconds, length of the id, id.
const (
	sessionFile = "session"
	sessionSize = 128
	magic       = 0x7665642d73657373
	maxID       = sessionSize - 32
)

// OpenSession begins a run in a folder and tells of the one before it; nil if
// there was none.
func OpenSession(dir, id string) (*Session, *Ended, error) {
	if id == "" || len(id) > maxID {
		return nil, nil, fmt.Errorf("a session id has 1 to %d bytes", maxID)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("the folder of the session: %w", err)
	}
	path := filepath.Join(dir, sessionFile)
	before, err := readSession(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the session before: %w", err)
	}
	memory, closeFile, err := shared(path, sessionSize)
	if err != nil {
		return nil, nil, fmt.Errorf("remember the session: %w", err)
	}
	clear(memory)
	binary.NativeEndian.PutUint64(memory, magic)
	memory[24] = byte(len(id))
	copy(memory[32:], id)
	return &Session{ID: id, memory: memory, close: closeFile}, before, nil
}

func readSession(path string) (*Ended, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(b) != sessionSize || binary.NativeEndian.Uint64(b) != magic || int(b[24]) > maxID || b[24] == 0 {
		return nil, nil // of a machine that ended while it was written
	}
	e := &Ended{ID: string(b[32 : 32+int(b[24])]), Sequence: binary.NativeEndian.Uint64(b[8:])}
	if ns := int64(binary.NativeEndian.Uint64(b[16:])); ns != 0 {
		e.Last = time.Unix(0, ns).UTC()
	}
	return e, nil
}

// Mark notes the number of a record before it is added, and its time.
func (s *Session) Mark(sequence uint64, at time.Time) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&s.memory[16])), uint64(at.UnixNano()))
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&s.memory[8])), sequence)
}

// Close keeps what was marked for the next run.
func (s *Session) Close() error { return s.close() }
