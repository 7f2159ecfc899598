package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Mark is how far an object was read, the cursor of an object.
type Mark struct {
	ETag    string `json:"etag"`
	Records int64  `json:"n"` // that are safe: lines, or values of a list
	Done    bool   `json:"done,omitempty"`
	// Sum is the SHA-256 of the content, decompressed, and Bytes its size. They
	// are there when the object was read to its end.
	Sum   string `json:"sum,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`
	At    int64  `json:"at"` // when it was written, in seconds since the epoch
}

// markPrefix begins the names of the cursors of objects.
const markPrefix = "s3:"

// MarkName is the name of an object's cursor.
func MarkName(bucket, key string) string { return markPrefix + bucket + "/" + key }

// MarkRange is the names that all cursors of objects are between.
func MarkRange() (from, to string) { return markPrefix, strings.TrimSuffix(markPrefix, ":") + ";" }

// MarkExpired reports whether a cursor was last written before a moment. No
// queue delivers a message after so long a time.
func MarkExpired(data []byte, before time.Time) bool {
	var m Mark
	return json.Unmarshal(data, &m) != nil || m.At < before.Unix()
}

// Marks knows how far objects were read: by what the store has, and by what
// was appended and is not committed yet.
type Marks struct {
	// stored returns a cursor of the store, nil if there is none.
	stored func(ctx context.Context, name string) ([]byte, error)
	// settle waits until all cursors that were appended are committed.
	settle func(ctx context.Context) error
	// shared: other processes append, too.
	shared bool

	mu      sync.Mutex
	settled bool // once: what was there when we began is committed
	fresh   map[string]Mark
}

// maxFresh bounds the marks that are kept before they are known to be committed.
const maxFresh = 8192

// NewMarks returns the marks of a store.
func NewMarks(stored func(context.Context, string) ([]byte, error), settle func(context.Context) error, shared bool) *Marks {
	return &Marks{stored: stored, settle: settle, shared: shared, fresh: map[string]Mark{}}
}

// Get returns the mark of a name, zero if there is none.
func (k *Marks) Get(ctx context.Context, name string) (Mark, error) {
	k.mu.Lock()
	m, ok := k.fresh[name]
	settled := k.settled
	k.mu.Unlock()
	if ok {
		return m, nil
	}
	if k.shared || !settled {
		if err := k.settle(ctx); err != nil {
			return Mark{}, err
		}
		k.mu.Lock()
		k.settled = true
		k.mu.Unlock()
	}
	data, err := k.stored(ctx, name)
	if err != nil {
		return Mark{}, fmt.Errorf("read how far %s was read: %w", strings.TrimPrefix(name, markPrefix), err)
	}
	if data == nil || json.Unmarshal(data, &m) != nil { // an unreadable one is as good as none
		return Mark{}, nil
	}
	return m, nil
}

// put notes a mark that was appended.
func (k *Marks) put(ctx context.Context, name string, m Mark) error {
	k.mu.Lock()
	full := len(k.fresh) >= maxFresh
	var old []string
	if full {
		for n, v := range k.fresh {
			if v.Done {
				old = append(old, n)
			}
		}
	}
	k.fresh[name] = m
	k.mu.Unlock()
	if !full {
		return nil
	}
	if err := k.settle(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, n := range old {
		if n != name {
			delete(k.fresh, n)
		}
	}
	return nil
}
