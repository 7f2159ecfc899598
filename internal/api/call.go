package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
)

// Limits of the API that several operations share.
const (
	maxPage     = 50       // items of a page, also the default
	maxIDs      = 50       // finding ids of one call
	maxTokenLen = 64 << 10 // characters; a token holds the sort key of a row
)

// callKey is where a request's context holds its call.
type callKey struct{}

func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// call is one request on its way: what is known of it, and then its result.
type call struct {
	id      string // of the request
	log     *slog.Logger
	key     access.Key
	account string // whose key it is
	raw     []byte // the body as sent
	op      operation
	r       *http.Request
	query   url.Values
	body    object

	value any
	err   error
}

// detectorID is the path's detector id. It is checked by asking the store.
func (c *call) detectorID() string { return c.r.PathValue("DetectorId") }

// detector is the detector that the path names, of the caller's account.
func (s *server) detector(ctx context.Context, c *call) (finding.Detector, error) {
	d, err := s.Store.Detector(ctx, c.detectorID())
	if errors.Is(err, finding.ErrNotFound) || err == nil && (d.Account != c.account || d.Region != s.Region) {
		return d, bad(textNotOwned)
	}
	return d, err
}

// page reads maxResults and nextToken of a list that pages in its query.
func (c *call) page() (limit int, token string, err error) {
	limit, token = maxPage, c.query.Get("nextToken")
	if s := c.query.Get("maxResults"); s != "" {
		limit, err = strconv.Atoi(s)
		if err != nil || limit < 1 || limit > maxPage {
			return 0, "", badParam("maxResults", "must be a whole number from 1 to 50")
		}
	}
	if len(token) > maxTokenLen {
		return 0, "", badParam("nextToken", "is not a token of this service")
	}
	return limit, token, nil
}
