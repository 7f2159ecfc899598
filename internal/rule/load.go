package rule

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Set is rules that were compiled together. It does not change.
type Set struct {
	rules        []*Rule
	compiled     []compiled
	views        []*view
	correlations []*Correlation // those that others ask for come first
	skipped      int
}

// Skipped is how many rules were left out since no log that is read here is of
// their logsource.
func (s *Set) Skipped() int {
	if s == nil {
		return 0
	}
	return s.skipped
}

// compiled is a rule as one kind of event is asked.
type compiled struct {
	rule *Rule
	view *view
	cond expr
}

// Rules are the rules of the set, in the order of their loading.
func (s *Set) Rules() []*Rule {
	if s == nil {
		return nil
	}
	return slices.Clone(s.rules)
}

// Grade is how bad a problem is.
type Grade string

// The grades. A rule with a fault is not loaded, nor one that was skipped: it is
// about logs that are not read here.
const (
	Fault   Grade = "fault"
	Skipped Grade = "skipped"
	Note    Grade = "note"
)

// Problem is what is wrong with a rule, and what to do about it.
type Problem struct {
	Grade Grade  `json:"grade"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	Rule  string `json:"rule,omitempty"` // its title
	Text  string `json:"problem"`
}

// Error tells the problem in a line.
func (p Problem) Error() string {
	s := fmt.Sprintf("%s:%d: ", p.File, p.Line)
	if p.Rule != "" {
		s += fmt.Sprintf("rule %q: ", p.Rule)
	}
	return s + p.Text
}

// File is a file of rules.
type File struct {
	Name string
	Data []byte
}

// ReadFiles reads the files, and those of the folders, whose names end in .yml
// or .yaml.
func ReadFiles(paths ...string) ([]File, error) {
	var out []File
	err := walk(paths, func(path string) error {
		data, err := readFile(path)
		out = append(out, File{path, data})
		return err
	})
	return out, err
}

// Stamp changes when one of the files that ReadFiles would read does, unless
// its size and time stay the same.
func Stamp(paths ...string) (string, error) {
	var b strings.Builder
	err := walk(paths, func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			fmt.Fprintf(&b, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	return b.String(), err
}

// walk visits the files of rules.
func walk(paths []string, visit func(path string) error) error {
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		visited := 0
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path == root:
			case d.IsDir() && isHidden(path): // such as the ..data of a volume of Kubernetes, which has every file twice
				return fs.SkipDir
			case isHidden(path):
				return nil
			}
			if d.IsDir() || info.IsDir() && !isRuleFile(path) {
				return nil
			}
			visited++
			return visit(path)
		})
		if err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		if visited == 0 {
			return fmt.Errorf("read rules: the folder %s has no file whose name ends in .yml or .yaml", root)
		}
	}
	return nil
}

// readFile reads a file, of one that is too large only so much that it shows.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func isHidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

func isRuleFile(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yml" || ext == ".yaml"
}

// loader collects what files say.
type loader struct {
	set          *Set
	problems     []Problem
	sources      []sourceEntry
	views        map[string]*view
	placeholders map[string][]string
	filters      []*filter
	byRef        map[string]*Rule
	byTitle      map[string]*Rule // those without id and name
	applied      map[*Rule][]*filter
	kindsOf      map[*Rule][]*view // of the rules that correlations ask for
}

// Load compiles the rules of some files. What is wrong with one rule keeps no
// other from being loaded.
func Load(files []File) (*Set, []Problem) {
	l := &loader{set: &Set{}, sources: sourceTable(), views: map[string]*view{}, placeholders: map[string][]string{}, byRef: map[string]*Rule{}, byTitle: map[string]*Rule{},
		applied: map[*Rule][]*filter{}, kindsOf: map[*Rule][]*view{}}
	var read []func()
	for _, f := range files {
		docs, err := documents(f.Data)
		if err != nil {
			l.problem(Fault, f.Name, 1, "", err)
		} else if len(docs) == 0 {
			l.problem(Fault, f.Name, 1, "", errors.New("the file has no rule"))
		}
		for _, d := range docs {
			if member(d.root, "placeholders") != nil && member(d.root, "detection") == nil { // what rules are made of
				l.told(f.Name, d.root, l.readPlaceholders(d.root))
				continue
			}
			read = append(read, func() { l.told(f.Name, d.root, l.read(f.Name, d.root)) })
		}
	}
	for _, f := range read {
		f()
	}
	l.compile()
	l.correlate()
	l.versions()
	l.index()
	for i := range l.problems {
		if l.problems[i].Grade == Skipped {
			l.set.skipped++
		}
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return l.set, l.problems
}

func (l *loader) problem(g Grade, file string, line int, title string, err error) {
	var f *fault
	if errors.As(err, &f) {
		line = f.line
	}
	l.problems = append(l.problems, Problem{g, file, line, title, err.Error()})
}

// told is what becomes of the fault of a document.
func (l *loader) told(file string, n *yaml.Node, err error) {
	if err != nil {
		title, _ := words(n, "title")
		l.problem(Fault, file, n.Line, title, err)
	}
}

func (l *loader) readPlaceholders(n *yaml.Node) error {
	p := member(n, "placeholders")
	if p.Kind != yaml.MappingNode {
		return faultAt(p, "placeholders is a mapping of names to lists of values")
	}
	return each(p, func(k, _ *yaml.Node) (err error) {
		l.placeholders[strings.Trim(k.Value, "%")], err = texts(p, k.Value)
		return err
	})
}

// read takes in one document.
func (l *loader) read(file string, n *yaml.Node) error {
	if action, _ := words(n, "action"); action != "" {
		return faultAt(n, "action: %s joins documents as Sigma did before 2.0; write each rule out", action)
	}
	if member(n, "filter") != nil {
		return l.readFilter(file, n)
	}
	r, err := about(file, n)
	if err != nil {
		return err
	}
	if r.Vedette, err = vedette(n); err != nil {
		return err
	}
	if c := member(n, "correlation"); c != nil {
		if member(n, "detection") != nil {
			return faultAt(c, "a rule has a detection or a correlation, not both; write two documents")
		}
		if len(r.Vedette.Key) > 0 {
			return faultAt(member(n, "x-vedette"), "findings of a correlation are told apart by its group-by; leave out key")
		}
		if r.Correlation, err = readCorrelation(c); err != nil {
			return err
		}
	} else if err := l.readSource(r, n); err != nil {
		return err
	}
	if taxonomy, _ := words(n, "taxonomy"); taxonomy != "" && taxonomy != "sigma" {
		l.problem(Note, file, member(n, "taxonomy").Line, r.Title, fmt.Errorf("the taxonomy %s is not translated: fields are those of Sigma's own, or of the record", taxonomy))
	}
	if err := l.name(r, n); err != nil {
		return err
	}
	l.set.rules = append(l.set.rules, r)
	return nil
}

func (l *loader) readSource(r *Rule, n *yaml.Node) error {
	source, at, err := logSource(n)
	if err != nil {
		return err
	}
	if member(n, "detection") == nil {
		return faultAt(n, "the rule has no detection; write selections and a condition")
	}
	r.LogSource, r.kinds = source, kindsOf(source, l.sources)
	if r.kinds == nil {
		r.Line = at.Line
	}
	return nil
}

// name makes a rule known to correlations and filters.
func (l *loader) name(r *Rule, n *yaml.Node) error {
	for i, ref := range []string{r.ID, r.Name} {
		if ref == "" {
			continue
		}
		if other := l.byRef[ref]; other != nil {
			return faultAt(member(n, []string{"id", "name"}[i]), "%q is taken already, by the rule %q at %s:%d; give each rule its own", ref, other.Title, other.File, other.Line)
		}
	}
	if r.ID == "" && r.Name == "" { // findings, and what correlations remember, go by the title
		if other := l.byTitle[r.Title]; other != nil {
			r.twin, other.twin = true, true
			l.problem(Note, r.File, r.Line, r.Title, fmt.Errorf("another rule without id has the title, too, at %s:%d; until one of them has an id each change of their text makes other findings", other.File, other.Line))
		}
		l.byTitle[r.Title] = r
	}
	for _, ref := range []string{r.ID, r.Name} {
		if ref != "" {
			l.byRef[ref] = r
		}
	}
	return nil
}

// compile compiles every rule about single events, with its filters.
func (l *loader) compile() {
	kept := l.set.rules[:0]
	for _, r := range l.set.rules {
		if r.Correlation != nil {
			kept = append(kept, r)
			continue
		}
		if r.kinds == nil {
			l.problem(Skipped, r.File, r.Line, r.Title, fmt.Errorf("no log that Vedette reads is of the logsource {%s}; there are %s", r.LogSource, readable))
			l.drop(r)
			continue
		}
		made, notes, err := l.compileRule(r)
		if err != nil {
			l.problem(Fault, r.File, r.Line, r.Title, err)
			l.drop(r)
			continue
		}
		for _, n := range notes {
			l.problem(Note, r.File, r.Line, r.Title, n)
		}
		l.set.compiled = append(l.set.compiled, made...)
		kept = append(kept, r)
	}
	l.set.rules = kept
	l.unusedFilters()
}

// drop takes back the names of a rule that is not loaded.
func (l *loader) drop(r *Rule) {
	for _, ref := range []string{r.ID, r.Name} {
		if l.byRef[ref] == r {
			delete(l.byRef, ref)
		}
	}
}

// compileRule compiles a rule for each kind of event that it is about. A field
// that one of several kinds has not is only told of.
func (l *loader) compileRule(r *Rule) (out []compiled, notes []*fault, err error) {
	var first error
	for _, k := range r.kinds {
		v := l.views[k.name]
		if v == nil {
			v = &view{kind: k, byKey: map[string]int32{}}
			l.views[k.name] = v
			l.set.views = append(l.set.views, v)
		}
		c := &compiler{view: v, placeholders: l.placeholders}
		e, _, err := c.detection(member(r.root, "detection"))
		if err == nil {
			e, err = l.filtered(c, r, e)
		}
		if err == nil {
			err = at(member(r.root, "detection"), affordable(e))
		}
		if err == nil {
			err = c.known(r)
		}
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		for _, n := range c.notes {
			if !slices.ContainsFunc(notes, func(f *fault) bool { return *f == *n }) {
				notes = append(notes, n)
			}
		}
		out = append(out, compiled{r, v, e})
	}
	if len(out) == 0 {
		return nil, nil, first
	}
	return out, notes, nil
}

// known resolves the fields that findings of a rule are told apart by.
func (c *compiler) known(r *Rule) error {
	x := member(r.root, "x-vedette")
	for _, name := range r.Vedette.Key {
		_, note, err := c.view.resolve(name, false)
		if err != nil {
			return at(member(x, "key"), err)
		}
		c.note(member(x, "key"), note)
	}
	return nil
}

// index builds the indexes of the views.
func (l *loader) index() {
	for _, v := range l.set.views {
		var rules []int32
		var keys [][]key
		u := &usage{map[key]int{}, v}
		for i := range l.set.compiled {
			if c := &l.set.compiled[i]; c.view == v {
				rules = append(rules, int32(i))
				u.note(c.cond)
			}
		}
		for _, i := range rules {
			keys = append(keys, u.keysOf(l.set.compiled[i].cond))
		}
		v.index.build(rules, keys)
	}
}

// Longest is the longest timespan of a correlation of the set.
func (s *Set) Longest() (d time.Duration) {
	if s == nil {
		return 0
	}
	for _, c := range s.correlations {
		d = max(d, c.Timespan)
	}
	return d
}
