package detect

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// guard is a Deny statement that keeps strangers out, whatever is allowed:
// the usual way to say "only from this organization".
type guard struct {
	st    *jsonscan.Node
	fixed bool // only named accounts, networks or services pass; else only the authenticated
}

// maxGuards bounds the work on a hostile policy: each is held against each statement.
const maxGuards = 32

// guardsOf are the guards among statements.
func guardsOf(statements []*jsonscan.Node) []guard {
	var out []guard
	for _, st := range statements {
		if len(out) == maxGuards {
			break
		}
		if !strings.EqualFold(st.Text("Effect"), "Deny") || st.Has("NotResource") {
			continue
		}
		cond := st.Get("Condition")
		switch who := principalsOf(st); {
		case st.Has("NotPrincipal"): // denied to all but those who are named
			if len(cond.Keys()) == 0 {
				out = append(out, guard{st, true})
			}
		case !who.everyone:
		case len(cond.Keys()) == 0:
			out = append(out, guard{st, true})
		default:
			if fixed, ok := deniesStrangers(cond); ok {
				out = append(out, guard{st, fixed})
			}
		}
	}
	return out
}

// deniesStrangers reports whether the conditions of a Deny hold for every
// caller who is not named in them. All conditions of a statement must hold for
// it to deny, so each must be one that a stranger meets.
func deniesStrangers(cond *jsonscan.Node) (fixed, ok bool) {
	fixed = true
	for _, op := range cond.Keys() {
		o := parseOperator(op)
		for _, key := range cond.Get(op).Keys() {
			values, kind := conditionValues(cond.Get(op).Get(key)), conditionKey(key)
			switch {
			case o.null && onlyText(values, "true") && tellsPrincipal(key):
				fixed = false // denied to those without credentials
			case o.boolean && onlyText(values, "false") && (kind == keyService || strings.EqualFold(key, "aws:viaawsservice")):
				// an exception for services of AWS
			case !o.negated || o.forAny || len(values) == 0:
				return false, false
			case kind == keyAddress && o.ranges && allNarrow(values):
			case (kind == keyFixed || kind == keyAccount) && o.equality:
				var l limits
				if l.take(kind, key, values); !l.fixed {
					return false, false
				}
			case kind == keySigned && o.equality && strings.EqualFold(key, "aws:principaltype"):
				fixed = false
			default:
				return false, false
			}
		}
	}
	return fixed, true
}

// covers reports whether a guard denies all that a statement allows.
func (g guard) covers(st *jsonscan.Node) bool {
	resources, denied := texts(st.Get("Resource")), texts(g.st.Get("Resource"))
	for _, r := range resources {
		if !slices.ContainsFunc(denied, func(p string) bool { return wild(p, r) }) {
			return false
		}
	}
	if st.Has("NotResource") && !slices.Contains(denied, "*") {
		return false
	}
	actions := texts(st.Get("Action"))
	if len(actions) == 0 { // NotAction: nearly everything
		actions = []string{"*"}
	}
	for _, a := range actions {
		if !actionIn(g.st, strings.ToLower(a)) {
			return false
		}
	}
	return true
}
