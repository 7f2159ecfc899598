package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/vedette-project/vedette/internal/finding"
)

// token says after which row a page ended. It goes out as base64 of JSON and
// holds a digest of the query it belongs to, without the page size, which may
// change from page to page.
type token struct {
	Query  string   `json:"q"`
	ID     string   `json:"id"`
	Number *float64 `json:"n,omitempty"` // the sort key, when it is a number
	Text   *string  `json:"t,omitempty"` // the sort key, when it is a text
}

func newToken(q finding.Query, key any, id string) string {
	t := token{Query: digest(q), ID: id}
	switch k := key.(type) {
	case int64:
		f := float64(k) // milliseconds and flags: exact
		t.Number = &f
	case float64:
		t.Number = &k
	case string:
		t.Text = &k
	}
	b, err := json.Marshal(t)
	if err != nil { // strings and finite numbers: cannot be
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func readToken(q finding.Query) (token, error) {
	var t token
	b, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || json.Unmarshal(b, &t) != nil || t.Query != digest(q) {
		return token{}, finding.ErrBadToken
	}
	return t, nil
}

func (t token) key() any {
	switch {
	case t.Number != nil:
		return *t.Number
	case t.Text != nil:
		return *t.Text
	}
	return nil
}

// digest is the same for two queries that differ in page size and page only.
func digest(q finding.Query) string {
	q.Limit, q.After = 0, ""
	b, err := json.Marshal(q) // maps in order of their keys
	if err != nil {
		panic(err) // strings and numbers; JSON has no other numbers than those
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
