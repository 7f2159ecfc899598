package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/access"
)

// object is a JSON object of a request whose members are read one by one, so
// that a wrong type is answered with the name of the member. Members are
// matched by exact spelling, unknown ones are ignored, and null is "not
// given", all as AWS does it.
type object struct {
	path    string // of the object itself, "" for the body
	members map[string]json.RawMessage
}

// parseBody reads a body; an empty one is an empty object, since clients send
// nothing where an operation has no members.
func parseBody(body []byte) (object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, nil
	}
	var o object
	if !utf8.Valid(body) || json.Unmarshal(body, &o.members) != nil || o.members == nil {
		return object{}, bad("The request is rejected because the body is not a JSON object.")
	}
	return o, nil
}

// at is the full name of a member.
func (o object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// get returns a member's text, nil when it is not given.
func (o object) get(name string) json.RawMessage {
	raw := o.members[name]
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// has reports whether a member is given.
func (o object) has(name string) bool { return o.get(name) != nil }

// read decodes a member of a simple Go type; ok is false when it is not given.
func read[T any](o object, name, want string) (v T, ok bool, err error) {
	raw := o.get(name)
	if raw == nil {
		return v, false, nil
	}
	if json.Unmarshal(raw, &v) != nil {
		return v, false, badParam(o.at(name), "must be "+want)
	}
	return v, true, nil
}

// text reads a string of at least lo and at most hi characters.
func (o object) text(name string, lo, hi int) (string, bool, error) {
	s, ok, err := read[string](o, name, "a string")
	if n := utf8.RuneCountInString(s); ok && (n < lo || n > hi) {
		return "", false, badParam(o.at(name), fmt.Sprintf("must have %d to %d characters", lo, hi))
	}
	return s, ok, err
}

// enum reads a string that must be one of the values.
func (o object) enum(name string, values ...string) (string, bool, error) {
	s, ok, err := read[string](o, name, "a string")
	if ok && !slices.Contains(values, s) {
		return "", false, badParam(o.at(name), "must be one of "+strings.Join(values, ", "))
	}
	return s, ok, err
}

func (o object) boolean(name string) (bool, bool, error) { return read[bool](o, name, "true or false") }

// integer reads a whole number from lo to hi.
func (o object) integer(name string, lo, hi int64) (int64, bool, error) {
	raw := o.get(name)
	if raw == nil {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < lo || n > hi {
		return 0, false, badParam(o.at(name), fmt.Sprintf("must be a whole number from %d to %d", lo, hi))
	}
	return n, true, nil
}

// texts reads a list of strings, each of 1 to maxLen characters, at most maxItems.
func (o object) texts(name string, maxItems, maxLen int) ([]string, bool, error) {
	list, ok, err := read[[]*string](o, name, "a list of strings")
	if err != nil || !ok {
		return nil, false, err
	}
	if len(list) > maxItems {
		return nil, false, badParam(o.at(name), fmt.Sprintf("has %d items, at most %d are allowed", len(list), maxItems))
	}
	out := make([]string, len(list))
	for i, s := range list {
		if s == nil || *s == "" || utf8.RuneCountInString(*s) > maxLen {
			return nil, false, badParam(fmt.Sprintf("%s[%d]", o.at(name), i), fmt.Sprintf("must have 1 to %d characters", maxLen))
		}
		out[i] = *s
	}
	return out, true, nil
}

// object reads a nested object.
func (o object) object(name string) (object, bool, error) {
	m, ok, err := read[map[string]json.RawMessage](o, name, "an object")
	return object{o.at(name), m}, ok, err
}

// objects reads a list of objects.
func (o object) objects(name string) ([]object, bool, error) {
	list, ok, err := read[[]map[string]json.RawMessage](o, name, "a list of objects")
	if err != nil || !ok {
		return nil, false, err
	}
	out := make([]object, len(list))
	for i, m := range list {
		out[i] = object{fmt.Sprintf("%s[%d]", o.at(name), i), m}
	}
	return out, true, nil
}

// stringMap reads an object whose values are all strings.
func (o object) stringMap(name string) (map[string]string, bool, error) {
	m, ok, err := o.object(name)
	if err != nil || !ok {
		return nil, false, err
	}
	out := make(map[string]string, len(m.members))
	for k := range m.members {
		v, given, err := read[string](m, k, "a string")
		if err != nil {
			return nil, false, err
		}
		if given {
			out[k] = v
		}
	}
	return out, true, nil
}

// accounts reads a required list of 1 to 50 account ids.
func (o object) accounts(name string) ([]string, error) {
	ids, given, err := o.texts(name, maxAccounts, 12)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missing(o.at(name))
	}
	if len(ids) == 0 {
		return nil, badParam(o.at(name), "must have 1 to 50 items")
	}
	for i, id := range ids {
		if !access.ValidAccount(id) {
			return nil, badParam(fmt.Sprintf("%s[%d]", o.at(name), i), "must be an account id of 12 digits")
		}
	}
	return ids, nil
}
