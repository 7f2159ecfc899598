package store

import (
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
)

func FuzzReadToken(f *testing.F) {
	q := finding.Query{DetectorID: "d"}
	for _, key := range []any{nil, "text", 1.5, int64(7)} {
		f.Add(newToken(q, key, "id"))
	}
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, text string) {
		q.After = text
		got, err := readToken(q)
		if err != nil {
			if got != (token{}) {
				t.Fatalf("both %v and %v", got, err)
			}
			return
		}
		q.After = newToken(q, got.key(), got.ID)
		if again, err := readToken(q); err != nil || again.ID != got.ID || again.key() != got.key() {
			t.Fatalf("%v became %v, %v", got, again, err)
		}
	})
}
