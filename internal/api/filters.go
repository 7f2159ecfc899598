package api

import (
	"context"
	"errors"
	"regexp"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	maxFilters = 100
	maxRank    = 100
)

var filterName = regexp.MustCompile(`^[A-Za-z0-9._-]{3,64}$`)

// filterError words what the store says of a filter.
func filterError(err error) error {
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNoResource)
	}
	return err
}

func (s *server) createFilter(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	name, given, err := c.body.text("name", 3, 64)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missing("name")
	}
	if !filterName.MatchString(name) {
		return nil, badParam("name", "may have letters, digits, '.', '-' and '_' only")
	}
	if !c.body.has("findingCriteria") {
		return nil, missing("findingCriteria")
	}
	token, tags, err := readCreation(c.body)
	if err != nil {
		return nil, err
	}
	if err := checkSuppressionTags(tags); err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	f := finding.Filter{
		DetectorID: d.ID, Name: name, Action: "NOOP", Rank: 1, Tags: tags, ClientToken: token,
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	if err := applyFilterSettings(&f, c.body); err != nil {
		return nil, err
	}
	have, err := s.Store.Filters(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	for _, old := range have {
		if old.Name == name {
			return sameFilter(old, token)
		}
	}
	if len(have) >= maxFilters {
		return nil, bad(textFilterLimit)
	}
	err = s.Store.CreateFilter(ctx, f)
	if errors.Is(err, finding.ErrExists) { // made by another call meanwhile
		old, err := s.Store.Filter(ctx, d.ID, name)
		if err != nil {
			return nil, filterError(err)
		}
		return sameFilter(old, token)
	}
	if errors.Is(err, finding.ErrNotFound) { // the detector was deleted meanwhile
		return nil, bad(textNotOwned)
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"name": f.Name}, nil
}

// checkSuppressionTags refuses an expiry that cannot be read: the rule would
// hide for ever, or nothing at all.
func checkSuppressionTags(tags finding.Tags) error {
	if _, err := tags.Suppression(); err != nil {
		return badParam("tags", finding.TagExpires+" "+err.Error())
	}
	return nil
}

// sameFilter answers a second creation: a retry gets the name, anything else is refused.
func sameFilter(old finding.Filter, token string) (any, error) {
	if token != "" && old.ClientToken == token {
		return map[string]string{"name": old.Name}, nil
	}
	return nil, bad(textFilterExists)
}

func (s *server) updateFilter(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	name := c.r.PathValue("FilterName")
	err = s.Store.UpdateFilter(ctx, d.ID, name, func(f *finding.Filter) error {
		if err := applyFilterSettings(f, c.body); err != nil {
			return err
		}
		f.UpdatedAt = wireNow(s.Now)
		f.Version++
		return nil
	})
	if err != nil {
		return nil, filterError(err)
	}
	return map[string]string{"name": name}, nil
}

// applyFilterSettings reads what creation and update have in common, then
// checks the whole: criteria that suit ARCHIVE may not suit NOOP.
func applyFilterSettings(f *finding.Filter, body object) error {
	description, given, err := body.text("description", 0, 512)
	if err != nil {
		return err
	}
	if given {
		f.Description = description
	}
	action, given, err := body.enum("action", "NOOP", "ARCHIVE")
	if err != nil {
		return err
	}
	if given {
		f.Action = action
	}
	rank, given, err := body.integer("rank", 1, maxRank)
	if err != nil {
		return err
	}
	if given {
		f.Rank = rank
	}
	if body.has("findingCriteria") {
		if f.Criteria, err = readCriteria(body); err != nil {
			return err
		}
	}
	return f.Criteria.Validate(finding.ScopeFilter)
}

func (s *server) deleteFilter(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, filterError(s.Store.DeleteFilter(ctx, d.ID, c.r.PathValue("FilterName")))
}
