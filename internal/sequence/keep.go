package sequence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Kept is a note or an edge as it is kept: one of the two is set.
type Kept struct {
	Note *Note `json:"note,omitempty"`
	Edge *Edge `json:"edge,omitempty"`
}

// Entries are what is in the book, notes first, each in the order of its keys.
func (b *Book) Entries() []Kept {
	var out []Kept
	for _, n := range b.Notes() {
		out = append(out, Kept{Note: n})
	}
	for _, e := range b.Edges() {
		out = append(out, Kept{Edge: e})
	}
	return out
}

// Key names an entry: those of one key fold into one.
func (k Kept) Key() string {
	text := ""
	if k.Note != nil {
		text = "note\x1f" + k.Note.Key()
	} else {
		text = "edge\x1f" + k.Edge.Key()
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// Strong reports whether an entry is a note of a finding.
func (k Kept) Strong() bool { return k.Note != nil && k.Note.Strong() }

// Seen is when what an entry tells was seen last. Standing edges count for as
// long as others do after they were told last.
func (k Kept) Seen() time.Time {
	if k.Note != nil {
		return k.Note.Last
	}
	return k.Edge.Last
}

// Add puts an entry into a book, folded into what is there, and reports
// whether it said anything new.
func (b *Book) Add(k Kept) bool {
	if k.Note != nil {
		return b.AddNote(k.Note)
	}
	return k.Edge != nil && b.AddEdge(k.Edge)
}

// Fold folds an entry into the kept form of another of its key, nil for none,
// and returns the kept form of both; nil if the entry says nothing new.
func Fold(old []byte, k Kept) ([]byte, error) {
	b := NewBook(nil)
	if old != nil {
		o, err := Parse(old)
		if err != nil {
			return nil, err
		}
		if o.Key() == k.Key() {
			b.Add(o)
		}
	}
	if !b.Add(k.clone()) {
		return nil, nil
	}
	return json.Marshal(b.Entries()[0])
}

func (k Kept) clone() Kept {
	if k.Note != nil {
		n := *k.Note
		return Kept{Note: &n}
	}
	e := *k.Edge
	return Kept{Edge: &e}
}

// Parse reads the kept form of an entry.
func Parse(data []byte) (Kept, error) {
	var k Kept
	if err := json.Unmarshal(data, &k); err != nil {
		return Kept{}, fmt.Errorf("read a kept note: %w", err)
	}
	if (k.Note == nil) == (k.Edge == nil) {
		return Kept{}, fmt.Errorf("read a kept note: it is neither a note nor an edge")
	}
	return k, nil
}
