package feed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// Snapshot is what is known of one list that was fetched.
type Snapshot struct {
	// From is what it was made from and how; another source's list is no use.
	From     string         `json:"from"`
	Fetched  time.Time      `json:"fetched"`
	ETag     string         `json:"etag,omitempty"`
	Modified string         `json:"lastModified,omitempty"`
	SHA256   string         `json:"sha256,omitempty"`
	Bytes    int64          `json:"bytes"`
	Format   format.Format  `json:"format,omitempty"`
	Entries  int            `json:"entries"`
	Faults   int            `json:"faults"`
	Sample   []format.Fault `json:"sample,omitempty"`  // the first faults
	Skipped  map[string]int `json:"skipped,omitempty"` // per reason
	// LeftOut are entries on warning lists: URLs' hosts, and others up to the
	// number that the source allows.
	LeftOut int `json:"leftOut,omitempty"`
	// Added is how far a TAXII collection was read.
	Added string `json:"added,omitempty"`
}

// headSize is the room for a snapshot at the start of a file. What is counted
// is known only when the entries are written.
const headSize = 16 << 10

// writer writes a list in our own form: a line with its snapshot, padded, and a
// line per entry. So one rename puts both in place.
type writer struct {
	f    *os.File
	w    *bufio.Writer
	enc  *json.Encoder
	src  *Source
	now  time.Time
	seen map[string]struct{}
	snap Snapshot

	check   func(format.Entry) error
	warned  int    // entries on warning lists that were not hosts of URLs
	warning string // the first of them, with the reason
}

func (u *Updater) newWriter(s *Source) (*writer, error) {
	f, err := u.temp()
	if err != nil {
		return nil, err
	}
	w := &writer{f: f, w: bufio.NewWriterSize(f, 64<<10), src: s, now: u.o.Now(), seen: map[string]struct{}{}, check: u.o.Check, snap: Snapshot{From: s.from(), Skipped: map[string]int{}}}
	w.enc = json.NewEncoder(w.w)
	if _, err := w.w.Write(bytes.Repeat([]byte(" "), headSize)); err != nil {
		return nil, errors.Join(err, w.drop())
	}
	return w, nil
}

// add takes an entry, once.
func (w *writer) add(e format.Entry) error {
	switch seen := last(e); {
	case e.Trusted:
		w.snap.Skipped["benign, says the list"]++
		return nil
	case !e.Expires.IsZero() && !e.Expires.After(w.now):
		w.snap.Skipped["expired"]++
		return nil
	case w.src.MaxAge > 0 && !seen.IsZero() && w.now.Sub(seen) > w.src.MaxAge:
		w.snap.Skipped["last seen too long ago"]++
		return nil
	}
	key := string(rune(e.Kind)) + e.Value + "\x00" + e.Threat
	if _, twice := w.seen[key]; twice {
		return nil
	}
	if w.check != nil {
		if err := w.check(e); err != nil {
			w.warn(e, err)
			return nil
		}
	}
	if len(w.seen) >= w.src.MaxEntries {
		return fmt.Errorf("more than %d entries, the limit of this feed", w.src.MaxEntries)
	}
	w.seen[key] = struct{}{}
	w.snap.Entries++
	return w.enc.Encode(&e)
}

func last(e format.Entry) time.Time {
	if e.Last.IsZero() {
		return e.First
	}
	return e.Last
}

func (w *writer) warn(e format.Entry, err error) {
	w.snap.LeftOut++
	if e.FromURL {
		return // that others share the host is to be expected
	}
	if w.warned++; w.warned == 1 {
		w.warning = fmt.Sprintf("%s (%v)", e.Value, err)
	}
}

// stats takes over what the parser counted.
func (w *writer) stats(st format.Stats) {
	w.snap.Format = st.Format
	w.snap.Faults += st.Faults
	w.snap.Sample = append(w.snap.Sample, st.Sample[:min(len(st.Sample), 10-min(len(w.snap.Sample), 10))]...)
	for reason, n := range st.Skipped {
		if _, ok := w.snap.Skipped[reason]; !ok && len(w.snap.Skipped) > 40 {
			reason = "other"
		}
		w.snap.Skipped[reason] += n
	}
}

// commit puts the list in its place, durably.
func (w *writer) commit(path string) error {
	head, err := json.Marshal(&w.snap)
	if err == nil && len(head) >= headSize {
		w.snap.Sample = nil
		head, err = json.Marshal(&w.snap)
	}
	if err == nil && len(head) >= headSize {
		err = errors.New("its description does not fit")
	}
	if err == nil {
		err = w.w.Flush()
	}
	if err == nil {
		_, err = w.f.WriteAt(append(bytes.Repeat([]byte(" "), headSize-1), '\n'), 0)
	}
	if err == nil {
		_, err = w.f.WriteAt(head, 0)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), w.drop())
	}
	return place(w.f, path)
}

// drop throws away what was written.
func (w *writer) drop() error {
	return errors.Join(w.f.Close(), os.Remove(w.f.Name()))
}

// readSnapshot reads the head of a list; nil if there is no such list.
func readSnapshot(path string) (*Snapshot, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return snapshotOf(f)
}

func snapshotOf(f *os.File) (*Snapshot, error) {
	head, s := make([]byte, headSize), &Snapshot{}
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; delete it, and it is fetched anew", f.Name(), err)
	}
	if err := json.Unmarshal(head, s); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; delete it, and it is fetched anew", f.Name(), err)
	}
	return s, nil
}

// readEntries reads a list of our own form.
func readEntries(path string, yield func(format.Entry) error) (*Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := snapshotOf(f)
	if err != nil {
		return nil, err
	}
	n, d := 0, json.NewDecoder(bufio.NewReaderSize(f, 64<<10))
	for ; ; n++ {
		var e format.Entry
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s is damaged: %w; delete it, and it is fetched anew", path, err)
		}
		if err := yield(e); err != nil {
			return nil, err
		}
	}
	if n != s.Entries {
		return nil, fmt.Errorf("%s is damaged: it has %d entries, %d were written; delete it, and it is fetched anew", path, n, s.Entries)
	}
	return s, nil
}
