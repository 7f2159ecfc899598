package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// LogSource says which events a rule is about, in Sigma's words.
type LogSource struct{ Category, Product, Service string }

// String is the log source as it is shown.
func (l LogSource) String() string {
	var parts []string
	for _, p := range [][2]string{{"product", l.Product}, {"category", l.Category}, {"service", l.Service}} {
		if p[1] != "" {
			parts = append(parts, p[0]+": "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// kind is a kind of event that rules can be about.
type kind struct {
	name    string // as `vedette rules list` shows it
	applies func(*event.Event) bool
	// native are fields that events have decoded. Those that the record tells
	// too are read from there where a rule asks whether they are there at all.
	native map[string]getter
	// other are other names of fields: one or more paths or native names.
	other map[string][]string
	parts []section // of the record, by the first name of a path; nil without JSON
	// top are the names that records begin with; others are told of. Nil asks not.
	top []string
	// silent are names of Sigma's taxonomy that no event of the kind can tell.
	silent []string
}

// section is a part of the record that was found when it was decoded.
type section struct {
	name string
	part func(*event.Event) []byte
}

type getter func(*event.Event, *sink)

// sourceEntry maps log sources to kinds. Empty words match anything.
type sourceEntry struct {
	category, product, service string // alternatives with |
	kinds                      []*kind
}

// kindsOf are the kinds of event that a log source means; none where no record
// that Vedette reads is of it.
func kindsOf(l LogSource, table []sourceEntry) []*kind {
	is := func(want, have string) bool {
		return want == "*" || slices.Contains(strings.Split(want, "|"), have)
	}
	for _, e := range table {
		if is(e.category, l.Category) && is(e.product, l.Product) && is(e.service, l.Service) {
			return e.kinds
		}
	}
	return nil
}

// sourceTable is read from the top.
func sourceTable() []sourceEntry {
	trail, audit, flow, dns := trailKind(), auditKind(), flowKind(), dnsKind()
	process, network, file := processKind(), networkKind(), fileKind()
	all := runtimeKind()
	kinds := func(k ...*kind) []*kind { return k }
	const nodes = "|linux|kubernetes|container|vedette"
	return []sourceEntry{
		{"|cloud", "aws", "cloudtrail", kinds(trail)},
		{"*", "aws", "vpcflow|vpc_flow|vpcflowlogs|vpc-flow", kinds(flow)},
		{"*", "aws", "route53|route53resolver|route53_resolver|dns", kinds(dns)},
		{"dns|dns_query", "aws", "", kinds(dns)},
		{"", "aws", "", kinds(trail)},
		{"|application", "kubernetes|aws", "audit|kube-audit|eks", kinds(audit)},
		{"|application", "kubernetes", "", kinds(audit)},
		{"process_creation", nodes, "", kinds(process)},
		{"network_connection", "|vedette", "", kinds(flow, network)},
		{"network_connection", nodes, "", kinds(network)},
		{"dns|dns_query", nodes, "", kinds(dns)},
		{"file_event|file_change|file_rename|file_create", nodes, "", kinds(file)},
		{"file_delete", nodes, "", kinds(fileDeleteKind())},
		{"image_load", nodes, "", kinds(libraryKind())},
		{"driver_load", nodes, "", kinds(moduleKind())},
		{"firewall", "", "", kinds(flow)},
		{"", "", "netflow", kinds(flow)},
		{"", "vedette", "cloudtrail", kinds(trail)},
		{"", "vedette", "k8s-audit", kinds(audit)},
		{"", "vedette", "vpc-flow", kinds(flow)},
		{"", "vedette", "dns", kinds(dns)},
		{"", "vedette", "runtime", kinds(all)},
	}
}

// readable tells which log sources there are, for who named another.
const readable = "product: aws with service: cloudtrail, vpcflow or route53; product: kubernetes with service: audit; " +
	"product: linux with category: process_creation, network_connection, file_event, file_delete, image_load, driver_load or dns_query; category: dns or firewall; product: vedette with service: runtime"

// view is a kind of event with the fields that rules ask for, and the rules.
type view struct {
	kind   *kind
	fields []field
	byKey  map[string]int32
	groups []group
	index  index
}

// field is one thing to be read of an event.
type field struct {
	name  string
	get   getter
	group int32 // whose paths lead to it, or -1
}

// keywords is the name of the field that is the whole record.
const keywords = ""

// resolve finds the field that a name means in a kind of event. precise asks
// for one that tells null from nothing. note says what the writer of the rule
// should know.
func (v *view) resolve(name string, precise bool) (at int32, note string, err error) {
	k := v.kind
	names := k.other[name]
	if names == nil {
		names = []string{name}
	}
	key := strings.Join(names, "\x00")
	if precise {
		key += "\x01"
	}
	if at, ok := v.byKey[key]; ok {
		return at, "", nil
	}
	at = int32(len(v.fields))
	if slices.Contains(k.silent, name) {
		v.byKey[key] = at
		v.fields = append(v.fields, field{name: name, get: func(*event.Event, *sink) {}, group: -1})
		return at, fmt.Sprintf("no %s record tells %s: what asks for it finds it absent", k.name, name), nil
	}
	if g := k.native[names[0]]; g != nil && (len(names) > 1 || !precise || k.parts == nil || !k.isPath(names[0])) {
		if len(names) > 1 {
			g = k.union(names)
		}
		v.fields = append(v.fields, field{name: name, get: g, group: -1})
	} else {
		if k.parts == nil {
			return 0, "", fmt.Errorf("there is no field %s in %s records; %s", name, k.name, k.nearest(name))
		}
		if note, err = v.addPaths(name, names); err != nil {
			return 0, "", err
		}
	}
	v.byKey[key] = at
	return at, note, nil
}

// isPath reports whether a native field can be read from the record as well.
func (k *kind) isPath(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return slices.Contains(k.top, first)
}

func (k *kind) union(names []string) getter {
	var all []getter
	for _, n := range names {
		if g := k.native[n]; g != nil {
			all = append(all, g)
		}
	}
	return func(ev *event.Event, s *sink) {
		for _, g := range all {
			g(ev, s)
		}
	}
}

// addPaths makes a field of paths into the record.
func (v *view) addPaths(name string, names []string) (note string, err error) {
	k := v.kind
	at, in := int32(len(v.fields)), int32(-1)
	for _, n := range names {
		path := strings.Split(n, ".")
		if slices.Contains(path, "") {
			return "", fmt.Errorf("the field name %q has an empty part; write names with single dots between them", name)
		}
		if k.top != nil && !slices.Contains(k.top, path[0]) {
			note = fmt.Sprintf("%s records have no member %s: what asks for it finds it absent; %s", k.name, path[0], k.nearest(name))
		} else if k.top == nil && len(path) == 1 && n[0] >= 'A' && n[0] <= 'Z' { // no sensor names its own so
			note = fmt.Sprintf("no %s record tells %s: what asks for it finds it absent; %s", k.name, n, k.nearest(name))
		}
		part, rest := section{"", record}, path
		for _, p := range k.parts {
			if p.name == path[0] && len(path) > 1 {
				part, rest = p, path[1:]
			}
		}
		g := v.group(part)
		if in >= 0 && in != g { // paths in several parts: all from the record
			return "", fmt.Errorf("the field %s cannot be read: its paths lie apart", name)
		}
		v.groups[g].tree.add(rest, at)
		in = g
	}
	v.fields = append(v.fields, field{name: name, group: in})
	return note, nil
}

func record(ev *event.Event) []byte { return ev.Raw }

func (v *view) group(p section) int32 {
	for i := range v.groups {
		if v.groups[i].name == p.name {
			return int32(i)
		}
	}
	v.groups = append(v.groups, group{p.name, p.part, &branch{}})
	return int32(len(v.groups) - 1)
}

// nearest says which names a writer may have meant.
func (k *kind) nearest(name string) string {
	var known []string
	for n := range k.native {
		known = append(known, n)
	}
	for n := range k.other {
		known = append(known, n)
	}
	known = append(known, k.top...)
	slices.Sort(known)
	known = slices.DeleteFunc(slices.Compact(known), func(n string) bool { return n == keywords })
	if near := closest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + strings.Join(known, ", ")
}

// closest is the most similar of some words, "" if none is similar.
func closest(word string, of []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, w := range of {
		if w == "" {
			continue
		}
		if strings.EqualFold(w, word) {
			return w
		}
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to change to make one word of another.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
