package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// protectionStore is what the matrix, the catalogue and the coverage need of the store.
type protectionStore interface {
	CountByType(ctx context.Context, detectorID, account string, since time.Time) (map[string]int64, error)
	RuleStatuses(ctx context.Context) ([]store.RuleStatus, error)

	Sources(ctx context.Context) ([]store.Source, error)
	Ledger(ctx context.Context) ([]store.LedgerRow, error)
	Nodes(ctx context.Context, since time.Time) ([]store.Node, error)

	// How targets of publishing are, by their names.
	PublishStatus(ctx context.Context, target string) ([]byte, error)
	PublishWaiting(ctx context.Context, target string) (int64, error)
	CountDead(ctx context.Context, target string) (int64, error)
	Cursor(ctx context.Context, name string) ([]byte, error)
	Changes(ctx context.Context, after string, limit int) ([]store.Change, error)
}

// protectionPages are the matrix, the catalogue and the coverage, by the pattern of their address.
func (s *server) protectionPages() map[string]page {
	return map[string]page{
		"GET " + Root + "coverage":                 s.coverage,
		"GET " + Root + "matrix":                   s.matrix,
		"GET " + Root + "catalogue":                s.catalogue,
		"GET " + Root + "catalogue/{type...}":      s.catalogueType,
		"POST " + Root + "catalogue/try/{type...}": s.tryType,
	}
}

// pager says which part of a list a page shows.
type pager struct {
	From, To, All  int // counted from 1
	Previous, Next string
}

// cut is the part of a list that the parameter page of an address names.
func cut[T any](list []T, size int, r *http.Request) ([]T, pager) {
	q := r.URL.Query()
	at, _ := strconv.Atoi(q.Get("page"))
	at = min(max(at, 1), max(1, (len(list)+size-1)/size))
	from, to := (at-1)*size, min(at*size, len(list))
	p := pager{From: from + 1, To: to, All: len(list)}
	link := func(at int) string {
		q.Set("page", strconv.Itoa(at))
		return r.URL.Path + "?" + q.Encode()
	}
	if at > 1 {
		p.Previous = link(at - 1)
	}
	if to < len(list) {
		p.Next = link(at + 1)
	}
	return list[from:to], p
}

// pathEscape makes a name a part of an address.
func pathEscape(s string) string { return url.PathEscape(s) }
