package api

import (
	"context"
	"errors"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
)

const maxFindingID = 300 // characters, as the service model has it

func (s *server) listFindings(ctx context.Context, c *call) (any, error) {
	q, none, err := s.readQuery(ctx, c)
	if err != nil {
		return nil, err
	}
	var ids []string
	var next string
	if !none {
		if ids, next, err = s.Store.ListFindings(ctx, q); err != nil {
			return nil, err
		}
	}
	if ids == nil {
		ids = []string{}
	}
	return struct {
		FindingIDs []string `json:"findingIds"`
		NextToken  string   `json:"nextToken,omitempty"`
	}{ids, next}, nil
}

// readQuery reads what is asked for; none says that the account has no such finding.
func (s *server) readQuery(ctx context.Context, c *call) (q finding.Query, none bool, err error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return q, false, err
	}
	v := s.viewOf(d)
	q = finding.Query{DetectorID: v.detectorID, Limit: maxPage}
	if q.Criteria, err = readQueryCriteria(c.body); err != nil {
		return q, false, err
	}
	if q.Sort, err = readSort(c.body); err != nil {
		return q, false, err
	}
	limit, given, err := c.body.integer("maxResults", 1, maxPage)
	if err != nil {
		return q, false, err
	}
	if given {
		q.Limit = int(limit)
	}
	if q.After, _, err = c.body.text("nextToken", 0, maxTokenLen); err != nil {
		return q, false, err
	}
	q.Criteria, none, err = v.narrow(q.Criteria)
	return q, none, err
}

// readIDs reads the required findingIds.
func readIDs(body object) ([]string, error) {
	ids, given, err := body.texts("findingIds", maxIDs, maxFindingID)
	if err == nil && !given {
		err = missing("findingIds")
	}
	return ids, err
}

// named reads which findings a call is about: those of a detector, by their ids.
func (s *server) named(ctx context.Context, c *call) (d finding.Detector, ids []string, err error) {
	if d, err = s.detector(ctx, c); err == nil {
		ids, err = readIDs(c.body)
	}
	return d, ids, err
}

func (s *server) getFindings(ctx context.Context, c *call) (any, error) {
	d, ids, err := s.named(ctx, c)
	if err != nil {
		return nil, err
	}
	sort, err := readSort(c.body)
	if err != nil {
		return nil, err
	}
	v := s.viewOf(d)
	fs, err := s.Store.Findings(ctx, v.detectorID, ids, sort)
	if err != nil {
		return nil, err
	}
	fs = slices.DeleteFunc(append([]*finding.Finding{}, fs...), func(f *finding.Finding) bool { return !v.shows(f) })
	return map[string][]*finding.Finding{"findings": fs}, nil
}

func (s *server) archiveFindings(ctx context.Context, c *call) (any, error) {
	return nil, s.setArchived(ctx, c, true)
}

func (s *server) unarchiveFindings(ctx context.Context, c *call) (any, error) {
	return nil, s.setArchived(ctx, c, false)
}

func (s *server) setArchived(ctx context.Context, c *call, archived bool) error {
	d, ids, err := s.named(ctx, c)
	if err != nil {
		return err
	}
	return findingError(s.Store.SetArchived(ctx, s.viewOf(d).detectorID, ids, archived))
}

func (s *server) updateFindingsFeedback(ctx context.Context, c *call) (any, error) {
	d, ids, err := s.named(ctx, c)
	if err != nil {
		return nil, err
	}
	feedback, given, err := c.body.enum("feedback", "USEFUL", "NOT_USEFUL")
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missing("feedback")
	}
	comment, _, err := c.body.text("comments", 0, 4096)
	if err != nil {
		return nil, err
	}
	v := s.viewOf(d)
	if err := s.allShown(ctx, v, ids); err != nil {
		return nil, err
	}
	return nil, findingError(s.Store.SetFeedback(ctx, v.detectorID, ids, feedback, comment))
}

// findingError words an unknown finding id, of which GuardDuty says no more.
func findingError(err error) error {
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textInvalidValues)
	}
	return err
}

// maxSampleTypes bounds the types of one CreateSampleFindings.
const maxSampleTypes = 50

func (s *server) createSampleFindings(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	names, given, err := c.body.texts("findingTypes", maxSampleTypes, 100)
	if err != nil {
		return nil, err
	}
	types := finding.Catalog()
	if given && len(names) > 0 {
		types = types[:0]
		for _, name := range names {
			t, known := finding.Lookup(name)
			if !known {
				return nil, badParam("findingTypes", "'"+name+"' is not a finding type")
			}
			types = append(types, t)
		}
	}
	now := wireNow(s.Now)
	fs := make([]*finding.Finding, len(types))
	for i, t := range types {
		fs[i] = finding.Sample(t, d.Account, d.Region, now)
	}
	return nil, s.Store.PutFindings(ctx, s.viewOf(d).detectorID, fs)
}
