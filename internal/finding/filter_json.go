package finding

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DecodeFilter reads a filter from a file: the body of CreateFilter, what
// GetFilter answered (also as the AWS CLI prints it, with capitals), or criteria
// alone, {"criterion": {…}}. A member that is not known is refused. What it
// does not say is left empty; the criteria are those of a filter, and checked.
func DecodeFilter(data []byte) (Filter, error) {
	var f Filter
	members, err := decodeObject(data)
	if err != nil {
		return f, fmt.Errorf("it is not the JSON of a filter: %w", err)
	}
	if members, err = uncapitalised(members); err != nil {
		return f, err
	}
	if _, bare := members["criterion"]; bare {
		whole, err := json.Marshal(members)
		if err != nil {
			return f, err
		}
		members = map[string]json.RawMessage{"findingCriteria": whole}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := f.member(name, members[name]); err != nil {
			return f, err
		}
	}
	if _, ok := members["findingCriteria"]; !ok {
		return f, fmt.Errorf(`there is no findingCriteria; write {"findingCriteria": {"criterion": {"type": {"equals": ["…"]}}}}`)
	}
	return f, f.Criteria.Validate(ScopeFilter)
}

func (f *Filter) member(name string, raw json.RawMessage) error {
	var to any
	switch name {
	case "name":
		to = &f.Name
	case "description":
		to = &f.Description
	case "action":
		to = &f.Action
	case "rank":
		to = &f.Rank
	case "tags":
		to = &f.Tags
	case "findingCriteria":
		return f.criteria(raw)
	case "clientToken", "detectorId", "createdAt", "updatedAt", "version", "responseMetadata": // of the call, or of the answer
		return nil
	default:
		return fmt.Errorf("a filter has no member %q; it has name, description, action, rank, findingCriteria and tags", name)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s: %w", name, errorWithoutGoTypes(err))
	}
	return nil
}

// criteria reads findingCriteria. Conditions may have capitals; fields have
// none at their beginning, so that theirs are kept.
func (f *Filter) criteria(raw json.RawMessage) error {
	members, err := decodeObject(raw)
	if err == nil {
		members, err = uncapitalised(members)
	}
	if err != nil {
		return fmt.Errorf("findingCriteria: %w", err)
	}
	if fields, err := decodeObject(members["criterion"]); err == nil && fields != nil {
		for field, raw := range fields {
			if condition, err := decodeObject(raw); err == nil {
				if condition, err = uncapitalised(condition); err != nil {
					return fmt.Errorf("criterion %s: %w", field, err)
				}
				if fields[field], err = json.Marshal(condition); err != nil {
					return err
				}
			}
		}
		if members["criterion"], err = json.Marshal(fields); err != nil {
			return err
		}
	}
	whole, err := json.Marshal(members)
	if err != nil {
		return err
	}
	f.Criteria, err = DecodeCriteria(whole)
	return err
}

// uncapitalised is an object whose members begin with small letters.
func uncapitalised(members map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(members))
	for name, raw := range members {
		small := name
		if name != "" {
			small = strings.ToLower(name[:1]) + name[1:]
		}
		if _, twice := out[small]; twice {
			return nil, fmt.Errorf("%s is given twice", small)
		}
		out[small] = raw
	}
	return out, nil
}
