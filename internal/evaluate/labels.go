package evaluate

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/finding"
)

// Label says what is true of some records: that they are an attack, or benign.
type Label struct {
	Name string
	// From and To bound the event times; both are zero where Records name them.
	From, To time.Time
	// Account, Region and Cluster are the scope; what is empty fits any.
	Account, Region, Cluster string
	// Entity is a name that a claim must carry: of a user, a role, a pod, an
	// address. Empty fits any.
	Entity string
	// Types are the finding types that are expected, each for itself; one that
	// ends in * stands for all that begin so. None: any type will do.
	Types []string
	// Records are the auditIDs or eventIDs of the records.
	Records []string
	Benign  bool
	Line    int // in the file
}

func (l *Label) name() string { return cmp.Or(l.Name, fmt.Sprintf("line %d", l.Line)) }

// ParseLabels reads a file of labels: a YAML list, or JSON lines.
func ParseLabels(file string, data []byte) ([]Label, error) {
	var nodes []*yaml.Node
	if trimmed := bytes.TrimSpace(data); bytes.HasPrefix(trimmed, []byte("{")) {
		line := 0
		for text := range bytes.Lines(data) {
			if line++; len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			doc, err := document(file, text, line)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, doc)
		}
	} else {
		doc, err := document(file, data, 1)
		if err != nil {
			return nil, err
		}
		if doc.Kind != yaml.SequenceNode {
			return nil, fmt.Errorf("%s: a file of labels is a YAML list, or one JSON object a line", file)
		}
		nodes = doc.Content
	}
	var errs []error
	out := make([]Label, 0, len(nodes))
	for _, n := range nodes {
		l, err := readLabel(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%w", file, err))
			continue
		}
		out = append(out, l)
	}
	if len(errs) == 0 && len(out) == 0 {
		return nil, fmt.Errorf("%s: there is no label in it", file)
	}
	return out, errors.Join(errs...)
}

// document parses text that begins on a line of the file.
func document(file string, text []byte, line int) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("%s: there is no label in it", file)
	}
	move(doc.Content[0], line-1)
	return doc.Content[0], nil
}

func move(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		move(c, lines)
	}
}

// readLabel reads one label. Its errors begin with the line.
func readLabel(n *yaml.Node) (Label, error) {
	l := Label{Line: n.Line}
	if n.Kind != yaml.MappingNode {
		return l, fmt.Errorf("%d: a label has fields: from, to, entity, types, …", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if err := l.set(key.Value, value); err != nil {
			return l, fmt.Errorf("%d: %s: %w", value.Line, key.Value, err)
		}
	}
	switch {
	case l.From.IsZero() != l.To.IsZero():
		return l, fmt.Errorf("%d: from and to belong together", n.Line)
	case l.From.IsZero() && len(l.Records) == 0:
		return l, fmt.Errorf("%d: say which records are meant: from and to, or records", n.Line)
	case l.To.Before(l.From):
		return l, fmt.Errorf("%d: to is before from", n.Line)
	case l.Benign && len(l.Types) > 0:
		return l, fmt.Errorf("%d: types: of benign records nothing is expected", n.Line)
	}
	return l, nil
}

func (l *Label) set(key string, value *yaml.Node) (err error) {
	switch key {
	case "name":
		return text(value, &l.Name)
	case "from":
		return moment(value, &l.From)
	case "to":
		return moment(value, &l.To)
	case "account":
		return text(value, &l.Account)
	case "region":
		return text(value, &l.Region)
	case "cluster":
		return text(value, &l.Cluster)
	case "entity":
		return text(value, &l.Entity)
	case "records":
		return texts(value, &l.Records)
	case "types":
		if err := texts(value, &l.Types); err != nil {
			return err
		}
		for _, t := range l.Types {
			if !known(t) {
				return fmt.Errorf("there is no finding type %q; `vedette catalog` lists them", t)
			}
		}
		return nil
	case "verdict":
		var v string
		if err := text(value, &v); err != nil {
			return err
		}
		if v != "malicious" && v != "benign" {
			return fmt.Errorf("%q is neither malicious nor benign", v)
		}
		l.Benign = v == "benign"
		return nil
	}
	return errors.New("there is no such field; use name, from, to, account, region, cluster, entity, types, records, verdict")
}

// known reports whether a type, or a beginning of types, is in the catalogue.
func known(typ string) bool {
	if finding.OfRule(typ) {
		return true
	}
	begin, open := strings.CutSuffix(typ, "*")
	if !open {
		_, ok := finding.Lookup(typ)
		return ok
	}
	return slices.ContainsFunc(finding.Catalog(), func(t finding.Type) bool { return strings.HasPrefix(t.Name, begin) })
}

func text(n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return errors.New("it must be a text")
	}
	*to = n.Value
	return nil
}

func texts(n *yaml.Node, to *[]string) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return errors.New("it must be a list of texts")
	}
	for _, c := range n.Content {
		var one string
		if err := text(c, &one); err != nil {
			return fmt.Errorf("line %d: %w", c.Line, err)
		}
		*to = append(*to, one)
	}
	return nil
}

func moment(n *yaml.Node, to *time.Time) error {
	t, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return fmt.Errorf("%q is no time such as 2026-11-23T10:00:00Z", n.Value)
	}
	*to = t.UTC()
	return nil
}
