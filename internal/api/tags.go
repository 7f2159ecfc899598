package api

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Limits of tags. A request may hold more than a resource, as the service
// model has it.
const (
	maxTagsRequest  = 200
	maxTagsResource = 50
	maxTagKey       = 128 // characters
	maxTagValue     = 256 // characters
)

// tagKey are the characters of a tag's key, as the service model has them.
var tagKey = regexp.MustCompile(`^[a-zA-Z0-9 +,\-.=_:/@]+$`)

// readCreation reads what every call that creates something may carry: the
// token by which a repeated call is known, and tags.
func readCreation(o object) (token string, tags finding.Tags, err error) {
	if token, _, err = o.text("clientToken", 0, 64); err == nil {
		tags, err = readTags(o, "tags")
	}
	return token, tags, err
}

// readTags reads a map of tags; nil when it is not given.
func readTags(o object, name string) (finding.Tags, error) {
	m, given, err := o.stringMap(name)
	if err != nil || !given {
		return nil, err
	}
	if len(m) > maxTagsRequest {
		return nil, badParam(o.at(name), "has more than 200 tags")
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if reason := badTag(k, m[k]); reason != "" {
			return nil, badParam(o.at(name), reason)
		}
	}
	return withTags(nil, m)
}

func badTag(k, v string) string {
	switch {
	case k == "" || utf8.RuneCountInString(k) > maxTagKey:
		return "a tag's key must have 1 to 128 characters"
	case strings.HasPrefix(strings.ToLower(k), "aws:"):
		return "a tag's key may not begin with aws:"
	case !tagKey.MatchString(k):
		return "a tag's key may have letters, digits, spaces and + - = . , _ : / @ only"
	case utf8.RuneCountInString(v) > maxTagValue:
		return "a tag's value may have at most 256 characters"
	}
	return ""
}

// withTags adds tags to those of a resource, in a new map.
func withTags(have finding.Tags, more map[string]string) (finding.Tags, error) {
	out := finding.Tags{}
	maps.Copy(out, have)
	maps.Copy(out, more)
	if len(out) > maxTagsResource {
		return nil, badParam("tags", "a resource may have at most 50 tags")
	}
	return out, nil
}

func tagsOrEmpty(t finding.Tags) finding.Tags {
	if t == nil {
		return finding.Tags{}
	}
	return t
}

func (s *server) tagResource(ctx context.Context, c *call) (any, error) {
	if !c.body.has("tags") {
		return nil, missing("tags")
	}
	tags, err := readTags(c.body, "tags")
	if err != nil {
		return nil, err
	}
	return nil, s.changeTags(ctx, c, func(have finding.Tags) (finding.Tags, error) { return withTags(have, tags) })
}

func (s *server) untagResource(ctx context.Context, c *call) (any, error) {
	keys := c.query["tagKeys"]
	if len(keys) == 0 {
		return nil, missing("tagKeys")
	}
	if len(keys) > maxTagsRequest {
		return nil, badParam("tagKeys", "has more than 200 keys")
	}
	return nil, s.changeTags(ctx, c, func(have finding.Tags) (finding.Tags, error) {
		out := finding.Tags{}
		maps.Copy(out, have)
		for _, k := range keys {
			delete(out, k)
		}
		return out, nil
	})
}

func (s *server) listTagsForResource(ctx context.Context, c *call) (any, error) {
	res, err := s.taggable(ctx, c)
	if err != nil {
		return nil, err
	}
	tags := res.detector.TagsByKey
	switch {
	case res.filter != "":
		f, err := s.Store.Filter(ctx, res.detector.ID, res.filter)
		if err != nil {
			return nil, filterError(err)
		}
		tags = f.Tags
	case res.set != "":
		l, err := s.Store.ListOf(ctx, res.detector.ID, res.kind, res.set)
		if errors.Is(err, finding.ErrNotFound) || err == nil && gone(&l) {
			return nil, bad(textNoResource)
		}
		if err != nil {
			return nil, err
		}
		tags = l.Tags
	case res.destination != "":
		all, err := s.Store.Destinations(ctx, res.detector.ID)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(d store.Destination) bool { return d.ID == res.destination })
		if i < 0 {
			return nil, bad(textNoResource)
		}
		tags = all[i].Tags
	}
	return map[string]finding.Tags{"tags": tagsOrEmpty(tags)}, nil
}

// changeTags replaces the tags of the resource that the path names. Tags are
// no part of a filter's version: only UpdateFilter counts that up.
func (s *server) changeTags(ctx context.Context, c *call, change func(finding.Tags) (finding.Tags, error)) error {
	res, err := s.taggable(ctx, c)
	if err != nil {
		return err
	}
	if res.filter != "" {
		return filterError(s.Store.UpdateFilter(ctx, res.detector.ID, res.filter, func(f *finding.Filter) (err error) {
			if f.Tags, err = change(f.Tags); err != nil {
				return err
			}
			return checkSuppressionTags(f.Tags)
		}))
	}
	if res.set != "" {
		return s.changeSetTags(ctx, res, change)
	}
	if res.destination != "" {
		return s.changeDestinationTags(ctx, res, change)
	}
	err = s.Store.UpdateDetector(ctx, res.detector.ID, func(d *finding.Detector) (err error) {
		d.TagsByKey, err = change(d.TagsByKey)
		return err
	})
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNotOwned)
	}
	return err
}

func (s *server) changeSetTags(ctx context.Context, res taggedResource, change func(finding.Tags) (finding.Tags, error)) error {
	err := s.Store.ChangeLists(ctx, res.detector.ID, res.kind, func(have []store.List) (*store.List, error) {
		i := slices.IndexFunc(have, func(l store.List) bool { return l.ID == res.set && !gone(&l) })
		if i < 0 {
			return nil, bad(textNoResource)
		}
		var err error
		have[i].Tags, err = change(have[i].Tags)
		return &have[i], err
	})
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNotOwned)
	}
	return err
}

func (s *server) changeDestinationTags(ctx context.Context, res taggedResource, change func(finding.Tags) (finding.Tags, error)) error {
	err := s.Store.ChangeDestinations(ctx, res.detector.ID, func(have []store.Destination) (*store.Destination, bool, error) {
		i := slices.IndexFunc(have, func(d store.Destination) bool { return d.ID == res.destination })
		if i < 0 {
			return nil, false, bad(textNoResource)
		}
		var err error
		have[i].Tags, err = change(have[i].Tags)
		return &have[i], false, err
	})
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNotOwned)
	}
	return err
}

// taggedResource is a detector, or one of its filters, lists or destinations.
type taggedResource struct {
	detector    finding.Detector
	filter      string         // its name
	kind        store.ListKind // of a list
	set         string         // its id
	destination string         // its id
}

// taggable finds the resource of the path's ARN. The ARN must be the one that
// the resource has: another account, region or partition is another resource.
func (s *server) taggable(ctx context.Context, c *call) (taggedResource, error) {
	arn := c.r.PathValue("ResourceArn")
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[2] != Service {
		return taggedResource{}, badParam("resourceArn", "is not an ARN of this service")
	}
	parts := strings.Split(f[5], "/")
	if len(parts) == 2 && parts[0] == "malware-protection-plan" { // there is none here
		return taggedResource{}, bad(textNoResource)
	}
	if len(parts) < 2 || parts[0] != "detector" {
		return taggedResource{}, badParam("resourceArn", "is not an ARN of a detector or of what belongs to one")
	}
	d, err := s.Store.Detector(ctx, parts[1])
	if errors.Is(err, finding.ErrNotFound) ||
		err == nil && !strings.HasPrefix(arn+"/", finding.DetectorARN(d.Account, d.Region, d.ID)+"/") {
		return taggedResource{}, bad(textNotOwned)
	}
	if err != nil {
		return taggedResource{}, err
	}
	switch {
	case len(parts) == 2:
		return taggedResource{detector: d}, nil
	case len(parts) == 4 && parts[2] == "filter" && parts[3] != "":
		return taggedResource{detector: d, filter: parts[3]}, nil
	case len(parts) == 4 && parts[2] == "publishingDestination" && parts[3] != "":
		return taggedResource{detector: d, destination: parts[3]}, nil
	case len(parts) == 4 && slices.Contains(store.ListKinds(), store.ListKind(parts[2])) && parts[3] != "":
		return taggedResource{detector: d, kind: store.ListKind(parts[2]), set: parts[3]}, nil
	}
	return taggedResource{}, bad(textNoResource)
}
