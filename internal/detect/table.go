package detect

import (
	"cmp"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// table remembers a bounded number of entities by key. When it is full the one
// that was touched least recently is forgotten; so is what was not touched for
// longer than idle, by event time. What changed can be taken as bytes that
// bring another table to the same memory, in the same order.
type table[V any] struct {
	label string
	limit int
	idle  time.Duration // 0 keeps what is idle

	rows           map[string]*row[V]
	oldest, newest *row[V] // by touch
	forgotten      int64   // rows that made room for others

	// What Delta has not taken yet: the rows at the newest end that are dirty,
	// and the keys that were dropped.
	durable bool
	dropped []string

	generation   int64 // of the log that delta writes
	whole, after int   // bytes of its first run, and of those after it
}

type row[V any] struct {
	key          string
	value        V
	touched      int64 // Unix seconds, event time
	dirty        bool
	older, newer *row[V]
}

func newTable[V any](label string, limit int, idle time.Duration) *table[V] {
	return &table[V]{label: label, limit: limit, idle: idle, rows: map[string]*row[V]{}}
}

// get returns what is remembered of a key, or nil. It may be read only.
func (t *table[V]) get(key string) *V {
	if r := t.rows[key]; r != nil {
		return &r.value
	}
	return nil
}

// value returns a copy of what is remembered of a key, a zero value if that is
// nothing.
func (t *table[V]) value(key string) (v V) {
	if r := t.rows[key]; r != nil {
		v = r.value
	}
	return v
}

// touch returns what is remembered of a key, to be changed: a zero value if
// that is nothing. The value is good until the next touch. The key may alias a
// batch: a new row has its own.
func (t *table[V]) touch(key string, at time.Time) *V {
	r := t.rows[key]
	if r == nil {
		t.makeRoom(at)
		r = &row[V]{key: strings.Clone(key)}
		t.rows[r.key] = r
	} else {
		t.unlink(r)
	}
	r.touched, r.dirty = max(r.touched, at.Unix()), true
	t.append(r)
	return &r.value
}

// drop forgets a key.
func (t *table[V]) drop(key string) {
	if r := t.rows[key]; r != nil {
		t.remove(r)
	}
}

func (t *table[V]) len() int { return len(t.rows) }

// makeRoom forgets what is idle, a few rows at a time, and the oldest if there
// is no room for one more.
func (t *table[V]) makeRoom(now time.Time) {
	const atOnce = 4
	for range atOnce {
		r := t.oldest
		if r == nil || t.idle == 0 || now.Unix()-r.touched <= int64(t.idle/time.Second) {
			break
		}
		t.remove(r)
	}
	for len(t.rows) >= t.limit {
		t.remove(t.oldest)
		t.forgotten++
	}
}

func (t *table[V]) remove(r *row[V]) {
	t.unlink(r)
	delete(t.rows, r.key)
	if t.durable {
		t.dropped = append(t.dropped, r.key)
	}
}

func (t *table[V]) append(r *row[V]) {
	r.older, r.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = r
	} else {
		t.oldest = r
	}
	t.newest = r
}

func (t *table[V]) unlink(r *row[V]) {
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		t.oldest = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		t.newest = r.older
	}
	r.older, r.newer = nil, nil
}

// A log is rewritten when it has grown to several times what it says.
const (
	rewriteFactor = 4
	rewriteFloor  = 256 << 10 // bytes
)

func (t *table[V]) name() string { return t.label }

func (t *table[V]) keep() { t.durable = true }

// delta returns what changed since the last delta, as a run of the log of the
// table; ok is false if nothing did.
func (t *table[V]) delta() (run Run, ok bool, err error) {
	var first *row[V]
	for r := t.newest; r != nil && r.dirty; r = r.older {
		first = r
	}
	if first == nil && len(t.dropped) == 0 {
		return Run{}, false, nil
	}
	var data []byte
	if t.generation == 0 || t.after > rewriteFactor*t.whole+rewriteFloor {
		t.generation++
		if data, err = t.encode(nil, t.oldest); err != nil {
			return Run{}, false, err
		}
		t.whole, t.after = len(data), 0
	} else {
		for _, key := range t.dropped {
			data = appendRow(data, key, 0, nil)
		}
		if data, err = t.encode(data, first); err != nil {
			return Run{}, false, err
		}
		t.after += len(data)
	}
	for r := first; r != nil; r = r.newer {
		r.dirty = false
	}
	t.dropped = nil
	return Run{Log: t.label, Generation: t.generation, Oldest: t.generation, Data: data}, true, nil
}

// encode appends the rows from one on.
func (t *table[V]) encode(b []byte, from *row[V]) ([]byte, error) {
	for r := from; r != nil; r = r.newer {
		value, err := encodeValue(&r.value)
		if err != nil {
			return nil, fmt.Errorf("save %s of %q: %w", t.label, r.key, err)
		}
		b = appendRow(b, r.key, r.touched, value)
	}
	return b, nil
}

func encodeValue(v any) ([]byte, error) {
	if m, ok := v.(encoding.BinaryMarshaler); ok {
		return m.MarshalBinary()
	}
	return json.Marshal(v)
}

func decodeValue(b []byte, v any) error {
	if m, ok := v.(encoding.BinaryUnmarshaler); ok {
		return m.UnmarshalBinary(b)
	}
	return json.Unmarshal(b, v)
}

// appendRow appends a row, or with touched 0 that a key was dropped.
func appendRow(b []byte, key string, touched int64, value []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendVarint(b, touched)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

var errCutRow = errors.New("it ends in the middle")

// restore takes up a run. Runs come in the order of their making. Rows that
// cannot be read are left out; the error is of the first.
func (t *table[V]) restore(run Run) error {
	var bad error
	if run.Generation > t.generation {
		t.clear()
		t.generation, t.whole, t.after = run.Generation, len(run.Data), 0
	} else {
		t.after += len(run.Data)
	}
	for b := run.Data; len(b) > 0; {
		key, b1, ok1 := cutBytes(b)
		touched, n := binary.Varint(b1)
		if !ok1 || n <= 0 {
			return fmt.Errorf("restore %s: %w", t.label, errCutRow)
		}
		value, rest, ok := cutBytes(b1[n:])
		if !ok {
			return fmt.Errorf("restore %s: %w", t.label, errCutRow)
		}
		b = rest
		if t.drop(string(key)); len(value) == 0 {
			continue
		}
		r := &row[V]{key: string(key), touched: touched}
		if err := decodeValue(value, &r.value); err != nil {
			bad = cmp.Or(bad, fmt.Errorf("restore %s of %q: %w", t.label, key, err))
			continue
		}
		t.rows[r.key] = r
		t.append(r)
	}
	t.dropped = nil
	return bad
}

func (t *table[V]) clear() {
	t.rows, t.oldest, t.newest, t.dropped = map[string]*row[V]{}, nil, nil, nil
}

func cutBytes(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}
