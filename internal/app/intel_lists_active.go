package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/intel/format"
	"github.com/vedette-project/vedette/internal/store"
)

// activeBeat is how often a worker asks whether the lists in force changed.
const activeBeat = 250 * time.Millisecond

// ActiveLists are the lists in force as a process that judges sees them: Load
// them, judge by them, say so with Adopted, and load again after Changes.
type ActiveLists struct {
	Store *store.Store
	// Worker is the name under which this process holds shards.
	Worker string
	Sleep  func(context.Context, time.Duration) error
}

// Changes waits until what is in force differs from a generation, or ctx ends.
// A store that does not answer is asked again: what is in force stays so.
func (a *ActiveLists) Changes(ctx context.Context, generation int64) error {
	for {
		if now, err := a.Store.ListsGeneration(ctx); err == nil && now != generation {
			return nil
		}
		if err := a.Sleep(ctx, activeBeat); err != nil {
			return err
		}
	}
}

// Load reads what is in force, in an order that depends on nothing else, and
// its generation.
func (a *ActiveLists) Load(ctx context.Context) ([]ActiveList, int64, error) {
	stored, generation, err := a.Store.ActiveLists(ctx)
	if err != nil {
		return nil, 0, err
	}
	out := make([]ActiveList, len(stored))
	for i, s := range stored {
		out[i] = ActiveList{Kind: s.Kind, ID: s.ID, Name: s.Name, Format: s.Format, SHA256: s.SHA256, Entries: s.Entries, data: s.Data}
	}
	return out, generation, nil
}

// Adopted says that this process judges by a generation of the lists. Only then
// do lists become ACTIVE, INACTIVE or DELETED.
func (a *ActiveLists) Adopted(ctx context.Context, generation int64) error {
	return a.Store.NoteLists(ctx, a.Worker, generation)
}

// ActiveList is a list in force.
type ActiveList struct {
	Kind    store.ListKind
	ID      string
	Name    string // as findings show it
	Format  string
	SHA256  string // of its content, in hex
	Entries int

	data []byte // compressed
}

// Trusted reports whether no finding is to be made of what the list names.
func (l *ActiveList) Trusted() bool { return trusts(l.Kind) }

// Content is the list as it was read from its source. It must be closed.
func (l *ActiveList) Content() (io.ReadCloser, error) {
	r, err := zstd.NewReader(bytes.NewReader(l.data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.ID, err)
	}
	return r.IOReadCloser(), nil
}

// Each hands out the entries of the list, all of which were checked when it was
// read, once it is sure that nothing of it was damaged since. An error of yield
// ends it.
func (l *ActiveList) Each(yield func(format.Entry) error) error {
	if err := l.intact(); err != nil {
		return err
	}
	return l.each(yield)
}

func (l *ActiveList) each(yield func(format.Entry) error) error {
	r, err := l.Content()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := parseList(l.Kind, l.Format, r, yield); err != nil {
		return fmt.Errorf("list %s (%s): %w", l.Name, l.ID, err)
	}
	return nil
}

// intact checks that the content is what was read from the source.
func (l *ActiveList) intact() error {
	r, err := l.Content()
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return fmt.Errorf("list %s (%s): %w", l.Name, l.ID, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != l.SHA256 {
		return fmt.Errorf("list %s (%s): its content is damaged: SHA-256 %s, not %s; activate it again", l.Name, l.ID, got, l.SHA256)
	}
	return nil
}
