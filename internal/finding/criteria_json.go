package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// DecodeCriteria reads the wire's findingCriteria: {"criterion": {field:
// condition}}. It answers nil criteria for {} and null. It checks the grammar
// only; see Criteria.Validate for the fields. An error is a *CriteriaError
// where one field is at fault.
func DecodeCriteria(data []byte) (Criteria, error) {
	members, err := decodeObject(data)
	if err != nil {
		return nil, fmt.Errorf("read criteria: %w", err)
	}
	for name := range members {
		// A misspelt member would make criteria that hold for everything.
		if name != "criterion" {
			return nil, &CriteriaError{Reason: fmt.Sprintf("unknown member %q", name)}
		}
	}
	if len(members) == 0 {
		return nil, nil
	}
	var c Criteria
	if err := json.Unmarshal(members["criterion"], &c); err != nil {
		return nil, fmt.Errorf("read criteria: %w", err)
	}
	return c, nil
}

// EncodeCriteria writes the wire's findingCriteria, fields in order of their
// names, conditions by their present names.
func EncodeCriteria(c Criteria) ([]byte, error) {
	return json.Marshal(struct {
		Criterion Criteria `json:"criterion,omitempty"`
	}{c})
}

// UnmarshalJSON reads {field: condition}. A condition with an unknown key is
// refused: leaving it out would widen what a suppression rule hides.
func (c *Criteria) UnmarshalJSON(data []byte) error {
	members, err := decodeObject(data)
	if err != nil {
		return err
	}
	if members == nil {
		*c = nil
		return nil
	}
	out := make(Criteria, len(members))
	for field, raw := range members {
		var cond Condition
		if err := cond.UnmarshalJSON(raw); err != nil {
			return &CriteriaError{Field: field, Reason: err.Error()}
		}
		out[field] = cond
	}
	*c = out
	return nil
}

// UnmarshalJSON reads a condition with its present and its deprecated keys.
func (c *Condition) UnmarshalJSON(data []byte) error {
	members, err := decodeObject(data)
	if err != nil {
		return err
	}
	var out Condition
	for key, raw := range members {
		var err error
		switch key {
		case "equals", "eq":
			err = decodeMember(raw, &out.Equals)
		case "notEquals", "neq":
			err = decodeMember(raw, &out.NotEquals)
		case "matches":
			err = decodeMember(raw, &out.Matches)
		case "notMatches":
			err = decodeMember(raw, &out.NotMatches)
		case "greaterThan", "gt":
			err = decodeMember(raw, &out.GreaterThan)
		case "greaterThanOrEqual", "gte":
			err = decodeMember(raw, &out.GreaterThanOrEqual)
		case "lessThan", "lt":
			err = decodeMember(raw, &out.LessThan)
		case "lessThanOrEqual", "lte":
			err = decodeMember(raw, &out.LessThanOrEqual)
		default:
			return fmt.Errorf("unknown condition %q", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	*c = out
	return nil
}

// decodeMember fills one member of a condition. A key and its deprecated twin
// may both be there, as some clients write them, when they say the same.
func decodeMember[T any](raw json.RawMessage, to *T) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return errorWithoutGoTypes(err)
	}
	if reflect.ValueOf(v).IsNil() {
		return nil
	}
	if !reflect.ValueOf(*to).IsNil() && !reflect.DeepEqual(v, *to) {
		return fmt.Errorf("given twice with different values")
	}
	*to = v
	return nil
}

// errorWithoutGoTypes keeps the names of our types out of an answer to a client.
func errorWithoutGoTypes(err error) error {
	if e, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Errorf("unexpected %s", e.Value)
	}
	return err
}

// decodeObject reads one JSON object and nothing after it. It keeps the exact
// spelling of keys, which decoding into a struct would not. null gives nil.
func decodeObject(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var members map[string]json.RawMessage
	if err := dec.Decode(&members); err != nil {
		return nil, errorWithoutGoTypes(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("unexpected data after the object")
	}
	return members, nil
}
