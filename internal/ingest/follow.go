package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// FollowOptions say which file to follow; all fields but
// Source, Format, Poll, Temp and Machine are required.
type FollowOptions struct {
	Path  string // absolute
	Scope event.Scope
	// Source is what the records are; "" finds out. Format names the fields of
	// flow log lines; "" is what the first line of the file says.
	Source event.Source
	Format string
	Sink   Sink
	// Cursor returns what was stored under a name, nil if nothing was.
	// It waits until all cursors that were appended are committed.
	Cursor func(ctx context.Context, name string) ([]byte, error)
	// Machine tells a file from that of the same path on other machines which
	// share the store; "" where there are none.
	Machine string
	// Temp is a folder with room for the text of a log that was compressed when
	// it was rotated; "" is that of the system.
	Temp string
	Now  func() time.Time
	Log  *slog.Logger
	Poll time.Duration // how often to look for more; 0 means 200 ms
}

// position is the stored cursor of a followed file. The head tells the file
// from another one that got its inode or its name.
type position struct {
	Inode  uint64 `json:"inode"`
	Offset int64  `json:"offset"` // bytes whose records are safe
	Head   uint32 `json:"head"`   // CRC of the first HeadLen bytes
	Len    int    `json:"headLen"`
	// Modified is when the file was last written to, in nanoseconds since the
	// epoch: files of the same log that are newer have not been read.
	Modified int64 `json:"modified"`
}

const headLen = 512

// retryAfter is how long a follower waits when its records were not taken.
const retryAfter = 500 * time.Millisecond

// Follow reads a log as it grows, through rotation by renaming, truncation and
// restarts, until ctx ends. Every complete line counts once: the position is
// committed together with the effects of what was read.
func Follow(ctx context.Context, o FollowOptions) error {
	if o.Poll <= 0 {
		o.Poll = 200 * time.Millisecond
	}
	f := &follower{FollowOptions: o, name: o.cursorName()}
	stored, err := o.Cursor(ctx, f.name)
	if err != nil {
		return fmt.Errorf("read the position in %s: %w", o.Path, err)
	}
	if stored != nil {
		if err := json.Unmarshal(stored, &f.pos); err != nil {
			o.Log.Warn("the stored position is unreadable; the file is read from its start", "file", o.Path, "err", err)
		}
	}
	defer f.close()
	for {
		if err := f.round(ctx); err != nil && ctx.Err() == nil {
			o.Log.Warn("following a log failed; trying again", "file", o.Path, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.Poll):
		}
	}
}

func (o *FollowOptions) cursorName() string {
	if o.Machine == "" {
		return "follow:" + o.Path
	}
	return "follow:" + o.Machine + ":" + o.Path
}

type follower struct {
	FollowOptions
	name string
	file *os.File
	// modified is when the file was last written to, if that is not its own
	// time: it is a copy of one that was compressed.
	modified time.Time
	pos      position
	// header is the first line of the file where it names the fields of flow log
	// lines; headed: it was looked for.
	header string
	headed bool
	// missing: it was said that the file is not there.
	missing bool
}

// round reads what is there now, and goes on to the next file when this one
// was rotated away and is read to its end.
func (f *follower) round(ctx context.Context) error {
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
		if f.file == nil {
			return nil
		}
	}
	st, err := f.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() < f.pos.Offset {
		f.Log.Info("a followed log was truncated; reading it from its start", "file", f.Path)
		f.pos.Offset, f.pos.Len, f.pos.Head = 0, 0, 0
		f.headed = false
	}
	if st.Size() > f.pos.Offset { // most rounds find nothing new and should cost nothing
		if err := f.drain(ctx, false); err != nil {
			return err
		}
	}
	now, err := os.Stat(f.Path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil && inode(now) == f.pos.Inode {
		return nil
	}
	// Rotated: nobody writes to our file any more, so what is left of it is whole.
	if err := f.drain(ctx, true); err != nil {
		return err
	}
	last, err := f.lastWrite()
	if err != nil {
		return err
	}
	// Where there is a successor that cannot be read yet, this file stays.
	next, err := f.successor(last, f.pos.Inode)
	if err != nil {
		return err
	}
	f.take(next)
	return nil
}

// take goes on with another file; nil is none.
func (f *follower) take(next *rotatedLog) {
	f.close()
	f.pos = position{}
	if next != nil {
		f.file, f.modified, f.pos = next.file, next.modified, next.pos
	}
}

// lastWrite is when the file was last written to.
func (f *follower) lastWrite() (time.Time, error) {
	if !f.modified.IsZero() {
		return f.modified, nil
	}
	st, err := f.file.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file, f.modified = nil, time.Time{}
		f.headed = false
	}
}

// drain appends the complete lines from the position on. The last line of a
// rotated file is complete even without a line end.
func (f *follower) drain(ctx context.Context, rotated bool) error {
	for {
		buf := make([]byte, chunkTarget)
		n, err := f.file.ReadAt(buf, f.pos.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for n == len(buf) && bytes.IndexByte(buf, '\n') < 0 && len(buf) < MaxRecord { // one long record
			buf = make([]byte, min(2*len(buf), MaxRecord))
			if n, err = f.file.ReadAt(buf, f.pos.Offset); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		buf = buf[:n]
		end, cut := bytes.LastIndexByte(buf, '\n')+1, false
		switch {
		case end == 0 && n == MaxRecord:
			end, cut = n, true
		case end == 0 && rotated:
			end = n
		}
		if end == 0 {
			return nil
		}
		if err := f.append(ctx, buf[:end], cut); err != nil {
			return err
		}
	}
}

// format names the fields of flow log lines: each file may begin with their
// names. It is asked when a line is there, so that the first one is whole.
func (f *follower) format() string {
	if f.Format != "" || f.Source != "" && f.Source != event.VPCFlow {
		return f.Format
	}
	if f.headed {
		return f.header
	}
	head := make([]byte, 4<<10)
	n, err := f.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "" // it is looked for again
	}
	f.header, f.headed = "", true
	if line, _, whole := bytes.Cut(head[:n], []byte{'\n'}); whole && event.IsFlowHeader(line) {
		f.header = string(line)
	}
	return f.header
}

// append hands lines on together with the position behind them, again and
// again until they are taken.
func (f *follower) append(ctx context.Context, data []byte, cut bool) error {
	next := f.pos
	next.Offset += int64(len(data))
	if next.Len < headLen && next.Offset > int64(next.Len) {
		next.Len = int(min(headLen, next.Offset))
		next.Head, _ = headOf(f.file, next.Len)
	}
	if at, err := f.lastWrite(); err == nil {
		next.Modified = at.UnixNano()
	}
	cursor, err := json.Marshal(next)
	if err != nil {
		return err
	}
	p := &Push{
		Chunk:  event.Chunk{Stream: f.Path, Received: f.Now().UTC(), Scope: f.Scope, Source: f.Source, Format: f.format(), Data: data, Cut: cut},
		Cursor: Cursor{Name: f.name, Data: cursor},
	}
	for {
		err := f.Sink.Append(ctx, p)
		if err == nil {
			f.pos = next
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, ErrFull) {
			f.Log.Warn("records of a followed log were not taken; trying again", "file", f.Path, "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryAfter):
		}
	}
}
