package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Rule is one rule or correlation, with what it says of itself.
type Rule struct {
	File string
	Line int

	ID, Name, Title, Description string
	Status, Level, Author        string
	References, FalsePositives   []string
	Tags, Fields                 []string
	LogSource                    LogSource
	// Correlation is set of a rule about several events.
	Correlation *Correlation
	// Vedette is what the member x-vedette says.
	Vedette Vedette
	// Quiet says that a correlation asks for the rule, which raises nothing of
	// its own.
	Quiet bool

	kinds   []*kind
	root    *yaml.Node
	twin    bool   // another one without id has the title, too
	version string // see Version
	meaning uint64 // of what it asks for; windows are of one
}

// Vedette is what a rule says to Vedette alone.
type Vedette struct {
	Type     string  // of the finding
	Severity float64 // 0 leaves it to the level
	// Key are fields by whose values findings of the rule are told apart.
	Key []string
	// Remediation are the steps to take.
	Remediation []string
	// Yields has the rule say nothing of an event in which Vedette finds
	// something by itself.
	Yields bool
	Tests  []Test
}

// Test is an example that the rule carries.
type Test struct {
	Line  int
	Name  string
	Fires bool // or must not
	// Records are read as one log, in their order: text as it is, or a mapping,
	// which lacks what is not worth writing down.
	Records []Record
}

// Record is a record of a test.
type Record struct {
	Line   int
	Text   string
	Fields map[string]any
}

// Ref is what others name the rule by: its id, or else its name or title. No
// two rules of a set have the same.
func (r *Rule) Ref() string {
	switch {
	case r.ID != "":
		return r.ID
	case r.Name != "":
		return r.Name
	case r.twin:
		return r.Title + " " + r.version
	}
	return r.Title
}

// levels are Sigma's.
const levels = "informational low medium high critical"

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// about reads what a rule says of itself.
func about(file string, n *yaml.Node) (*Rule, error) {
	r := &Rule{File: file, Line: n.Line, root: n}
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"id", &r.ID}, {"name", &r.Name}, {"title", &r.Title}, {"description", &r.Description},
		{"status", &r.Status}, {"level", &r.Level}, {"author", &r.Author},
	} {
		var err error
		if *f.to, err = words(n, f.name); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		name string
		to   *[]string
	}{
		{"references", &r.References}, {"falsepositives", &r.FalsePositives}, {"tags", &r.Tags}, {"fields", &r.Fields},
	} {
		var err error
		if *f.to, err = texts(n, f.name); err != nil {
			return nil, err
		}
	}
	r.Description = strings.TrimSpace(r.Description)
	return r, r.check(n)
}

func (r *Rule) check(n *yaml.Node) error {
	switch {
	case r.Title == "":
		return faultAt(n, "the rule has no title; give it one, which findings will show")
	case utf8.RuneCountInString(r.Title) > 256:
		return faultAt(member(n, "title"), "the title is longer than 256 characters")
	case r.ID != "" && !uuid.MatchString(r.ID):
		return faultAt(member(n, "id"), "the id %q is no UUID; make one, for example with uuidgen", r.ID)
	case r.Level != "" && !slices.Contains(strings.Fields(levels), r.Level):
		return faultAt(member(n, "level"), "the level %q is not known; use one of %s", r.Level, levels)
	}
	return nil
}

// logSource reads the log source of a rule or filter.
func logSource(n *yaml.Node) (l LogSource, at *yaml.Node, err error) {
	v := member(n, "logsource")
	if v == nil || v.Kind != yaml.MappingNode {
		return l, n, faultAt(n, "there is no logsource; name product, category or service")
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{"category", &l.Category}, {"product", &l.Product}, {"service", &l.Service}} {
		s, err := words(v, f.name)
		if err != nil {
			return l, v, err
		}
		*f.to = strings.ToLower(s)
	}
	return l, v, nil
}

// vedette reads the member x-vedette.
func vedette(n *yaml.Node) (v Vedette, err error) {
	x := member(n, "x-vedette")
	if x == nil {
		return v, nil
	}
	if x.Kind != yaml.MappingNode {
		return v, faultAt(x, "x-vedette is a mapping of type, severity, key, yields, remediation and tests")
	}
	err = each(x, func(k, val *yaml.Node) (err error) {
		switch k.Value {
		case "type":
			if v.Type, err = words(x, "type"); err == nil && !findingType.MatchString(v.Type) {
				err = faultAt(val, "the type %q is not of the form Purpose:Resource/Name, such as Execution:Kubernetes/ShellInPod, of at most %d characters", v.Type, MaxType)
			}
		case "severity":
			if v.Severity, err = strconv.ParseFloat(val.Value, 64); err != nil || !(v.Severity >= 1 && v.Severity <= 10) {
				err = faultAt(val, "the severity %q is no number from 1 to 10", val.Value)
			}
		case "key":
			v.Key, err = texts(x, "key")
		case "remediation":
			v.Remediation, err = texts(x, "remediation")
		case "yields":
			if v.Yields, err = strconv.ParseBool(val.Value); err != nil {
				err = faultAt(val, "yields takes true or false, not %q", val.Value)
			}
		case "tests":
			v.Tests, err = tests(val)
		default:
			err = faultAt(k, "x-vedette has no member %q; it has type, severity, key, yields, remediation and tests", k.Value)
		}
		return err
	})
	if err == nil && len(v.Type) > MaxType {
		err = faultAt(member(x, "type"), "the type is longer than %d characters", MaxType)
	}
	return v, err
}

// MaxType is how long a finding type may be in the API.
const MaxType = 50

var findingType = regexp.MustCompile(`^[A-Z][A-Za-z]*:[A-Z][A-Za-z0-9]*/[A-Z][A-Za-z0-9]*([.!][A-Za-z0-9]+)*$`)

func tests(n *yaml.Node) (out []Test, err error) {
	if n.Kind != yaml.SequenceNode {
		return nil, faultAt(n, "tests is a list of `fires:` and `silent:`, each with a record or a list of records")
	}
	for _, item := range n.Content {
		t := Test{Line: item.Line}
		if t.Name, err = words(item, "name"); err != nil {
			return nil, err
		}
		fires, silent := member(item, "fires"), member(item, "silent")
		if (fires == nil) == (silent == nil) {
			return nil, faultAt(item, "a test has either `fires:` or `silent:`, with a record or a list of records")
		}
		records := silent
		if t.Fires = fires != nil; t.Fires {
			records = fires
		}
		list := []*yaml.Node{records}
		if records.Kind == yaml.SequenceNode {
			list = records.Content
		}
		for _, rec := range list {
			r := Record{Line: rec.Line}
			if rec.Kind == yaml.MappingNode {
				err = rec.Decode(&r.Fields)
			} else {
				r.Text = rec.Value
			}
			if err != nil || r.Fields == nil && r.Text == "" {
				return nil, faultAt(rec, "a record of a test is a mapping, or text as a log has it")
			}
			t.Records = append(t.Records, r)
		}
		if len(t.Records) == 0 {
			return nil, faultAt(item, "the test has no record")
		}
		out = append(out, t)
	}
	return out, nil
}

var timespan = regexp.MustCompile(`^([1-9][0-9]{0,8})([smhd])$`)

// maxTimespan bounds what a correlation remembers.
const maxTimespan = 30 * 24 * time.Hour

func parseTimespan(s string) (time.Duration, error) {
	m := timespan.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("the timespan %q is not of the form 30s, 15m, 2h or 7d", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	if d := time.Duration(n) * unit; d/unit == time.Duration(n) && d <= maxTimespan {
		return d, nil
	}
	return 0, fmt.Errorf("the timespan %s is longer than 30d, for which nothing is remembered", s)
}
