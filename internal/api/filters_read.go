package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

func (s *server) getFilter(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	f, err := s.Store.Filter(ctx, d.ID, c.r.PathValue("FilterName"))
	if err != nil {
		return nil, filterError(err)
	}
	criteria, err := finding.EncodeCriteria(f.Criteria)
	if err != nil {
		return nil, fmt.Errorf("encode criteria of filter %s: %w", f.Name, err)
	}
	return struct {
		Name            string          `json:"name"`
		Description     string          `json:"description"`
		Rank            int64           `json:"rank"`
		Action          string          `json:"action"`
		FindingCriteria json.RawMessage `json:"findingCriteria"`
		Tags            finding.Tags    `json:"tags"`
		CreatedAt       finding.Epoch   `json:"createdAt"`
		UpdatedAt       finding.Epoch   `json:"updatedAt"`
		Version         int64           `json:"version"`
	}{
		f.Name, f.Description, f.Rank, f.Action, criteria, tagsOrEmpty(f.Tags),
		finding.Epoch{Time: f.CreatedAt}, finding.Epoch{Time: f.UpdatedAt}, f.Version,
	}, nil
}

func (s *server) listFilters(ctx context.Context, c *call) (any, error) {
	limit, token, err := c.page()
	if err != nil {
		return nil, err
	}
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	after, err := parseFilterToken(token)
	if err != nil {
		return nil, err
	}
	all, err := s.Store.Filters(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	out := struct {
		FilterNames []string `json:"filterNames"`
		NextToken   string   `json:"nextToken,omitempty"`
	}{FilterNames: []string{}}
	var last finding.Filter
	for _, f := range all { // by rank, then name
		if f.Rank < after.Rank || f.Rank == after.Rank && f.Name <= after.Name {
			continue
		}
		if len(out.FilterNames) == limit {
			out.NextToken = filterToken(last)
			break
		}
		out.FilterNames, last = append(out.FilterNames, f.Name), f
	}
	return out, nil
}

// A token of ListFilters is the place of the last filter shown, so that pages
// stay right when filters come and go between them.
func filterToken(f finding.Filter) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(f.Rank, 10) + "/" + f.Name))
}

func parseFilterToken(token string) (finding.Filter, error) {
	if token == "" {
		return finding.Filter{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	rank, name, ok := strings.Cut(string(b), "/")
	n, err2 := strconv.ParseInt(rank, 10, 64)
	if err != nil || err2 != nil || !ok {
		return finding.Filter{}, badParam("nextToken", "is not a token of this operation")
	}
	return finding.Filter{Rank: n, Name: name}, nil
}
