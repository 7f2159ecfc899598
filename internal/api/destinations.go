package api

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// maxDestinations is how many destinations a detector may have.
const maxDestinations = 1

var (
	// destinationARN names a bucket and what keys begin with. It can name nothing
	// else: where buckets are is for the configuration to say.
	destinationARN = regexp.MustCompile(`^arn:aws(?:-cn|-us-gov)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()/-]{0,500})?$`)
	kmsKeyARN      = regexp.MustCompile(`^arn:aws(?:-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]+$`)
)

// createDestination notes a destination. Whether it can be written to is seen
// in its status.
func (s *server) createDestination(ctx context.Context, c *call) (any, error) {
	d := store.Destination{ID: newID(), Status: store.DestinationPending}
	for _, name := range []string{"destinationType", "destinationProperties"} {
		if !c.body.has(name) {
			return nil, missing(name)
		}
	}
	var err error
	if d.ClientToken, d.Tags, err = readCreation(c.body); err != nil {
		return nil, err
	}
	if d.Type, _, err = c.body.enum("destinationType", "S3"); err != nil {
		return nil, err
	}
	if err := applyDestination(&d, c.body); err != nil {
		return nil, err
	}
	if d.ARN == "" {
		return nil, missing("destinationProperties.destinationArn")
	}
	err = s.changeDestinations(ctx, c, func(have []store.Destination) (*store.Destination, bool, error) {
		for _, old := range have {
			if d.ClientToken != "" && old.ClientToken == d.ClientToken { // a retry
				d.ID = old.ID
				return nil, false, nil
			}
		}
		if len(have) >= maxDestinations {
			return nil, false, bad("The request is rejected because publishing destination limit has exceeded.")
		}
		return &d, false, nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]string{"destinationId": d.ID}, nil
}

func (s *server) changeDestinations(ctx context.Context, c *call, change func([]store.Destination) (*store.Destination, bool, error)) error {
	err := s.Store.ChangeDestinations(ctx, c.detectorID(), change)
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNotOwned)
	}
	return err
}

// changeDestination changes, or removes, the destination that the path names.
func (s *server) changeDestination(ctx context.Context, c *call, change func(*store.Destination) (remove bool, err error)) error {
	return s.changeDestinations(ctx, c, func(have []store.Destination) (*store.Destination, bool, error) {
		i := slices.IndexFunc(have, func(d store.Destination) bool { return d.ID == c.r.PathValue("DestinationId") })
		if i < 0 {
			return nil, false, bad(textInvalidValues)
		}
		remove, err := change(&have[i])
		return &have[i], remove, err
	})
}

// updateDestination changes where findings go, which is verified anew.
func (s *server) updateDestination(ctx context.Context, c *call) (any, error) {
	return nil, s.changeDestination(ctx, c, func(d *store.Destination) (bool, error) {
		before := *d
		if err := applyDestination(d, c.body); err != nil {
			return false, err
		}
		if before.ARN != d.ARN || before.KMSKeyARN != d.KMSKeyARN || before.ExpectedBucketOwner != d.ExpectedBucketOwner || before.Status != store.DestinationPublishing {
			d.Status, d.Reason = store.DestinationPending, ""
		}
		return false, nil
	})
}

func (s *server) deleteDestination(ctx context.Context, c *call) (any, error) {
	return nil, s.changeDestination(ctx, c, func(*store.Destination) (bool, error) { return true, nil })
}

// applyDestination reads what creation and update have in common.
func applyDestination(d *store.Destination, body object) error {
	p, given, err := body.object("destinationProperties")
	if err != nil || !given {
		return err
	}
	for _, f := range []struct {
		name string
		to   *string
		form *regexp.Regexp
		want string
	}{
		{"destinationArn", &d.ARN, destinationARN, "must be the ARN of an S3 bucket, with a prefix if wanted, such as arn:aws:s3:::bucket/prefix"},
		{"kmsKeyArn", &d.KMSKeyARN, kmsKeyARN, "must be the ARN of a KMS key"},
		{"expectedBucketOwner", &d.ExpectedBucketOwner, bucketOwner, "must be an account id of 12 digits"},
	} {
		text, given, err := p.text(f.name, 1, 1024)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		if !f.form.MatchString(text) || slices.Contains(strings.Split(text, "/"), "..") {
			return badParam(p.at(f.name), f.want)
		}
		*f.to = text
	}
	return nil
}

type destinationProperties struct {
	ARN                 string `json:"destinationArn"`
	KMSKeyARN           string `json:"kmsKeyArn,omitempty"`
	ExpectedBucketOwner string `json:"expectedBucketOwner,omitempty"`
}

func (s *server) describeDestination(ctx context.Context, c *call) (any, error) {
	det, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Destinations(ctx, det.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(d store.Destination) bool { return d.ID == c.r.PathValue("DestinationId") })
	if i < 0 {
		return nil, bad(textInvalidValues)
	}
	d := &list[i]
	since := int64(0)
	if !d.FailingSince.IsZero() {
		since = d.FailingSince.UnixMilli()
	}
	return struct {
		ID         string                `json:"destinationId"`
		Type       string                `json:"destinationType"`
		Status     string                `json:"status"`
		Since      int64                 `json:"publishingFailureStartTimestamp"`
		Properties destinationProperties `json:"destinationProperties"`
		Tags       finding.Tags          `json:"tags"`
	}{d.ID, d.Type, d.Status, since, destinationProperties{d.ARN, d.KMSKeyARN, d.ExpectedBucketOwner}, tagsOrEmpty(d.Tags)}, nil
}

type destinationSummary struct {
	ID     string `json:"destinationId"`
	Type   string `json:"destinationType"`
	Status string `json:"status"`
}

// listDestinations pages through ids in their order; the token is the last id
// of the page before.
func (s *server) listDestinations(ctx context.Context, c *call) (any, error) {
	limit, token, err := c.page()
	if err != nil {
		return nil, err
	}
	det, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := s.Store.Destinations(ctx, det.ID)
	if err != nil {
		return nil, err
	}
	out := struct {
		Destinations []destinationSummary `json:"destinations"`
		Next         string               `json:"nextToken,omitempty"`
	}{Destinations: []destinationSummary{}}
	for _, d := range all {
		if d.ID <= token {
			continue
		}
		if len(out.Destinations) == limit {
			out.Next = out.Destinations[limit-1].ID
			break
		}
		out.Destinations = append(out.Destinations, destinationSummary{d.ID, d.Type, d.Status})
	}
	return out, nil
}
