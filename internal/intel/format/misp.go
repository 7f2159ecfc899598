package format

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

type mispAttribute struct {
	Type      string    `json:"type"`
	Category  string    `json:"category"`
	Value     string    `json:"value"`
	ToIDS     bool      `json:"to_ids"`
	Deleted   mispBool  `json:"deleted"`
	Timestamp mispText  `json:"timestamp"`
	FirstSeen string    `json:"first_seen"`
	LastSeen  string    `json:"last_seen"`
	Tags      []mispTag `json:"Tag"`
}

type mispTag struct {
	Name string `json:"name"`
}

// mispText is a string, or the number that some exports write instead.
type mispText string

func (t *mispText) UnmarshalJSON(b []byte) error {
	*t = mispText(strings.Trim(string(b), `"`))
	return nil
}

// mispBool is a word, a number, or either as a string.
type mispBool bool

func (t *mispBool) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	*t = s == "true" || s == "1"
	return nil
}

// misp reads an event, or several: wherever attributes stand.
func (s *sink) misp(in *bufio.Reader) error {
	j := newJSON(in)
	m := mispReader{s: s, j: j}
	for {
		t, err := j.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return j.fail(err)
		}
		if err := m.value(t, 0); err != nil {
			return err
		}
	}
}

type mispReader struct {
	s    *sink
	j    *jsonReader
	info string // what the event is about, once that was read
}

// value reads an object, or an array of objects, whose first token is t.
func (m *mispReader) value(t json.Token, depth int) error {
	switch {
	case depth > maxDepth:
		return &Fault{m.j.line(), "objects in one another, too deep for a MISP event"}
	case t == json.Delim('['):
		for m.j.More() {
			t, err := m.j.Token()
			if err != nil {
				return m.j.fail(err)
			}
			if err := m.value(t, depth+1); err != nil {
				return err
			}
		}
		return m.j.expect(']')
	case t == json.Delim('{'):
		return m.object(depth)
	}
	return m.s.fault(m.j.line(), "%s where an event should be", describe(t))
}

func (m *mispReader) object(depth int) error {
	for m.j.More() {
		t, err := m.j.Token()
		if err != nil {
			return m.j.fail(err)
		}
		switch key, _ := t.(string); key {
		case "Attribute":
			err = m.j.elements(m.attribute)
		case "Event", "Object", "response":
			if t, err = m.j.Token(); err != nil {
				return m.j.fail(err)
			}
			if key == "Event" {
				m.info = ""
			}
			err = m.value(t, depth+1)
		case "info":
			var info mispText
			_, err = m.j.into(&info)
			m.info = string(info)
		default:
			err = m.j.skip()
		}
		if err != nil {
			return err
		}
	}
	return m.j.expect('}')
}

func (m *mispReader) attribute() error {
	var a mispAttribute
	wrong, err := m.j.into(&a)
	if err != nil {
		return err
	}
	line := m.j.line()
	if wrong != "" {
		return m.s.fault(line, "attribute: %s", wrong)
	}
	switch {
	case bool(a.Deleted):
		m.s.skip("deleted attribute")
	case !a.ToIDS:
		m.s.skip("attribute that is not for detection (to_ids)")
	default:
		return m.use(&a, line)
	}
	return nil
}

func (m *mispReader) use(a *mispAttribute, line int) error {
	first, second, _ := strings.Cut(a.Value, "|")
	var values []string
	switch a.Type {
	case "ip-dst", "ip-src", "domain", "hostname", "url", "sha256":
		values = []string{a.Value}
	case "md5", "sha1":
		if !m.s.o.Hashes {
			m.s.skip("attribute of type " + plain(a.Type))
			return nil
		}
		values = []string{a.Value}
	case "ip-dst|port", "ip-src|port", "hostname|port":
		values = []string{first}
	case "domain|ip":
		values = []string{first, second}
	case "filename|sha256", "malware-sample|sha256":
		values = []string{second}
	default:
		m.s.skip("attribute of type " + plain(a.Type))
		return nil
	}
	e := Entry{Line: line, Confidence: -1, First: when(a.FirstSeen), Last: when(cmp.Or(a.LastSeen, string(a.Timestamp)))}
	for _, t := range a.Tags {
		if family, ok := galaxy(t.Name); ok && e.Threat == "" {
			e.Threat = family
		}
		e.Tags = append(e.Tags, t.Name)
	}
	e.Tags = append(e.Tags, a.Category)
	e.Threat = cmp.Or(e.Threat, m.info)
	for _, v := range values {
		if err := m.s.value(v, e); err != nil {
			return err
		}
	}
	return nil
}

// galaxy is the family in a tag such as misp-galaxy:malpedia="Emotet".
func galaxy(tag string) (string, bool) {
	rest, ok := strings.CutPrefix(tag, "misp-galaxy:")
	_, name, found := strings.Cut(rest, `="`)
	return strings.TrimSuffix(name, `"`), ok && found && name != ""
}

// Event is one that a MISP feed's manifest announces.
type Event struct {
	UUID    string
	Changed time.Time
}

// Manifest reads a MISP feed's manifest.json; the events come out newest first.
func Manifest(r io.Reader, maxBytes int64) ([]Event, error) {
	in, err := open(r, cmp.Or(maxBytes, DefaultMaxBytes))
	if err != nil {
		return nil, err
	}
	j, events := newJSON(in), []Event(nil)
	err = j.members(func(uuid string) error {
		var about struct {
			Timestamp mispText `json:"timestamp"`
		}
		wrong, err := j.into(&about)
		if err != nil {
			return err
		}
		if wrong != "" || !isUUID(uuid) {
			return &Fault{j.line(), fmt.Sprintf("%.60q is not the UUID of an event with a timestamp", uuid)}
		}
		if events = append(events, Event{strings.ToLower(uuid), when(string(about.Timestamp))}); len(events) > DefaultMaxEntries {
			return errors.New("more events than any feed has")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("MISP manifest: %w", err)
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Or(b.Changed.Compare(a.Changed), cmp.Compare(a.UUID, b.UUID)) })
	return events, nil
}

// isUUID keeps what becomes part of an address from leading elsewhere.
func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && isHex(strings.ReplaceAll(s, "-", "")) && strings.Count(s, "-") == 4
}
