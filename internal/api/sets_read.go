package api

import (
	"context"
	"errors"

	"github.com/vedette-project/vedette/internal/finding"
)

// getSet answers what a list is and what became of it. A list that was deleted
// is shown as DELETED for a while: Terraform and others wait for that.
func (s *server) getSet(ctx context.Context, c *call, k setKind) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	l, err := s.Store.ListOf(ctx, d.ID, k.kind, c.r.PathValue(k.path))
	if errors.Is(err, finding.ErrNotFound) {
		return nil, k.noSet()
	}
	if err != nil {
		return nil, err
	}
	return struct {
		Name                string        `json:"name"`
		Format              string        `json:"format"`
		Location            string        `json:"location"`
		Status              string        `json:"status"`
		ErrorDetails        string        `json:"errorDetails,omitempty"`
		ExpectedBucketOwner string        `json:"expectedBucketOwner,omitempty"`
		CreatedAt           finding.Epoch `json:"createdAt"`
		UpdatedAt           finding.Epoch `json:"updatedAt"`
		Tags                finding.Tags  `json:"tags"`
	}{
		l.Name, l.Format, l.Location, l.Status, l.ErrorDetails, l.ExpectedBucketOwner,
		finding.Epoch{Time: l.CreatedAt}, finding.Epoch{Time: l.UpdatedAt}, tagsOrEmpty(l.Tags),
	}, nil
}

// listSets pages through ids in their order; the token is the last id of the
// page before.
func (s *server) listSets(ctx context.Context, c *call, k setKind) (any, error) {
	limit, token, err := c.page()
	if err != nil {
		return nil, err
	}
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := s.Store.ListsOf(ctx, d.ID, k.kind)
	if err != nil {
		return nil, err
	}
	ids, next := []string{}, ""
	for i := range all {
		if all[i].ID <= token {
			continue
		}
		if len(ids) == limit {
			next = ids[limit-1]
			break
		}
		ids = append(ids, all[i].ID)
	}
	out := map[string]any{k.id + "s": ids}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}
