package api

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
)

// coverageQuery is what the pages of a list have in common.
type coverageQuery struct {
	Detector string
	Criteria coverageCriteria
	Sort     coverageSort
}

// coveragePlace is where a resource stands in the order of a list.
type coveragePlace struct {
	Number int64  `json:"n,omitempty"` // the moment, in an order by time
	Text   string `json:"t,omitempty"`
	ID     string `json:"id"` // of the resource: no two stand in one place
}

func (q *coverageQuery) place(r *coverageResource) coveragePlace {
	p := coveragePlace{ID: r.ResourceID}
	if q.Sort.Key == "UPDATED_AT" {
		p.Number = r.UpdatedAt.UnixNano()
	}
	p.Text, _ = r.field(q.Sort.Key)
	return p
}

func (q *coverageQuery) compare(a, b coveragePlace) int {
	order := cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Text, b.Text), cmp.Compare(a.ID, b.ID))
	if q.Sort.Descending {
		return -order
	}
	return order
}

// page cuts a page out of the resources: those after a place, nil for the first.
func (q *coverageQuery) page(all []coverageResource, after *coveragePlace, limit int) (page []coverageResource, next string) {
	if after != nil {
		all = slices.DeleteFunc(all, func(r coverageResource) bool { return q.compare(q.place(&r), *after) <= 0 })
	}
	slices.SortFunc(all, func(a, b coverageResource) int { return q.compare(q.place(&a), q.place(&b)) })
	if len(all) <= limit {
		return all, ""
	}
	return all[:limit], q.token(&all[limit-1])
}

// coverageToken is the place of the last resource shown, so that pages stay
// right when sources come and go between them, and a digest of the query.
type coverageToken struct {
	Query string        `json:"q"`
	Place coveragePlace `json:"p"`
}

func (q *coverageQuery) token(last *coverageResource) string {
	b, _ := json.Marshal(coverageToken{q.digest(), q.place(last)}) // numbers and strings: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

func (q *coverageQuery) readToken(text string) (*coveragePlace, error) {
	if text == "" {
		return nil, nil
	}
	var t coverageToken
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &t) != nil || t.Query != q.digest() {
		return nil, finding.ErrBadToken
	}
	return &t.Place, nil
}

func (q *coverageQuery) digest() string {
	b, _ := json.Marshal(q) // strings and a bool: cannot fail
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
