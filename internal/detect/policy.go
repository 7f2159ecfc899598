package detect

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// reach is how far a statement lets callers in who are not named.
type reach uint8

const (
	reachNobody        reach = iota // named accounts, services or networks only
	reachAuthenticated              // whoever has credentials of any AWS account
	reachAnyone                     // anonymous callers, too
)

// access is whom a resource policy lets in.
type access struct {
	reach       reach // the furthest of its statements
	read, write bool  // what unnamed callers may do
	accounts    []string
	// logsOnly are accounts that may only write, as a service of AWS that
	// delivers logs does.
	logsOnly []string
	why      string // of reach
}

// maxStatements bounds the work on one policy; AWS allows 20 KiB of text,
// which is fewer.
const maxStatements = 500

// policyNode is a policy document that a record has as an object, as text, or
// as text escaped for a URL.
func policyNode(n *jsonscan.Node) *jsonscan.Node {
	if n.Kind() != jsonscan.String {
		return n
	}
	text := n.Text()
	if strings.HasPrefix(text, "%7B") || strings.HasPrefix(text, "%0A") || strings.HasPrefix(text, "%20") {
		if plain, err := url.QueryUnescape(text); err == nil {
			text = plain
		}
	}
	doc, _ := jsonscan.Parse([]byte(text))
	return doc
}

// evaluatePolicy says whom a policy lets in. What it cannot read it takes as
// AWS would: an unknown condition does not narrow anything down.
func evaluatePolicy(doc *jsonscan.Node) access {
	var out access
	statements := nodes(doc.Get("Statement"))
	if len(statements) > maxStatements {
		statements = statements[:maxStatements]
	}
	guards := guardsOf(statements)
	for _, st := range statements {
		if !strings.EqualFold(st.Text("Effect"), "Allow") {
			continue
		}
		who := principalsOf(st)
		limits := conditionsOf(st.Get("Condition"))
		if who.everyone {
			out.open(st, who, limits, guards)
		}
		if !limits.inOrganization {
			out.name(st, append(who.accounts, limits.accounts...))
		}
	}
	slices.Sort(out.accounts)
	out.accounts = slices.Compact(out.accounts)
	return out
}

// open adds a statement that names everyone.
func (a *access) open(st *jsonscan.Node, who principals, limits limits, guards []guard) {
	r := reachAnyone
	switch {
	case limits.fixed:
		return
	case limits.authenticated:
		r = reachAuthenticated
	}
	for _, g := range guards {
		if !g.covers(st) {
			continue
		}
		if g.fixed {
			return
		}
		r = min(r, reachAuthenticated)
	}
	read, write := allowed(st)
	if !read && !write {
		return
	}
	a.read, a.write = a.read || read, a.write || write
	if r > a.reach {
		a.reach = r
		a.why = cmp.Or(describeSID(st), "a statement") + " allows " + actionsText(st) + " to " + who.text
		if limits.text != "" {
			a.why += ", and its condition on " + limits.text + " does not say who"
		}
	}
}

// name adds the accounts that a statement names.
func (a *access) name(st *jsonscan.Node, accounts []string) {
	if deliversOnly(st) {
		a.logsOnly = append(a.logsOnly, accounts...)
		return
	}
	a.accounts = append(a.accounts, accounts...)
}

func describeSID(st *jsonscan.Node) string {
	if sid := st.Text("Sid"); sid != "" {
		return "statement " + shown(sid)
	}
	return ""
}

// texts are the strings of a member that is one or several.
func texts(n *jsonscan.Node) []string {
	if n.Kind() == jsonscan.String {
		return []string{n.Text()}
	}
	return n.Strings()
}

func actionsText(st *jsonscan.Node) string {
	if a := texts(st.Get("Action")); len(a) > 0 {
		return shown(strings.Join(a, ", "))
	}
	return "everything but " + shown(strings.Join(texts(st.Get("NotAction")), ", "))
}

// allowed says whether the actions of a statement read or write.
func allowed(st *jsonscan.Node) (read, write bool) {
	for _, a := range [...]string{"s3:getobject", "s3:getobjectversion", "s3:listbucket", "s3:listbucketversions", "s3:getobjectacl", "s3:getbucketacl"} {
		read = read || actionIn(st, a)
	}
	for _, a := range [...]string{"s3:putobject", "s3:putobjectacl", "s3:deleteobject", "s3:deleteobjectversion", "s3:putbucketpolicy", "s3:putbucketacl", "s3:replicateobject"} {
		write = write || actionIn(st, a)
	}
	if !read && !write { // of another service, or some other right
		read = len(texts(st.Get("Action")))+len(texts(st.Get("NotAction"))) > 0
	}
	return read, write
}

// actionIn reports whether a statement is about an action, in lower case.
func actionIn(st *jsonscan.Node, action string) bool {
	if list := texts(st.Get("Action")); len(list) > 0 {
		return slices.ContainsFunc(list, func(p string) bool { return wild(strings.ToLower(p), action) })
	}
	list := texts(st.Get("NotAction"))
	return len(list) > 0 && !slices.ContainsFunc(list, func(p string) bool { return wild(strings.ToLower(p), action) })
}

// deliversOnly reports whether a statement allows no more than a service needs
// that writes logs: to put objects, and to see where.
func deliversOnly(st *jsonscan.Node) bool {
	list := texts(st.Get("Action"))
	for _, a := range list {
		switch strings.ToLower(a) {
		case "s3:putobject", "s3:putobjectacl", "s3:getbucketacl", "s3:getbucketlocation":
		default:
			return false
		}
	}
	return len(list) > 0
}

// wild matches a pattern with * and ? against a text. It takes time in
// proportion to the product of their lengths at worst.
func wild(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
