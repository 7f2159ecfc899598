package detect

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// limits are what the conditions of a statement ask of the caller, all at once.
type limits struct {
	// fixed: an account, an organization, a network, or a service is asked for.
	fixed bool
	// authenticated: an anonymous caller cannot meet them.
	authenticated  bool
	inOrganization bool
	accounts       []string // that the caller's account may be, of those named
	text           string   // the keys
}

// keyKind is what a condition key tells of the caller.
type keyKind uint8

const (
	keyOther   keyKind = iota // nothing: anybody can meet it
	keyAccount                // its value has an account in it
	keyFixed                  // names a network, a service, an organization or the like
	keyAddress                // an address
	keySigned                 // only whoever has credentials has it
	keyService                // true for services of AWS
)

// conditionKeys are those that AWS takes into account when it decides whether
// a bucket policy is public, and those that only a signed request has.
func conditionKey(key string) keyKind {
	switch strings.ToLower(key) {
	case "aws:principalarn", "aws:principalaccount", "aws:sourceaccount", "aws:sourcearn", "aws:sourceowner",
		"s3:dataaccesspointaccount", "s3:dataaccesspointarn", "aws:vpceaccount", "aws:resourceaccount-of-caller":
		return keyAccount
	case "aws:sourcevpc", "aws:sourcevpce", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths",
		"aws:vpceorgid", "aws:vpceorgpaths", "aws:userid", "aws:principalservicename", "aws:principalservicenameslist",
		"s3:x-amz-server-side-encryption-aws-kms-key-id", "aws:ec2instancesourcevpc", "kms:calleraccount", "lambda:sourcefunctionarn":
		return keyFixed
	case "aws:sourceip", "aws:vpcsourceip":
		return keyAddress
	case "aws:principaltype", "aws:username", "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:federatedprovider",
		"aws:viaawsservice", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:sourceidentity", "s3:authtype", "s3:signatureversion", "s3:signatureage":
		return keySigned
	case "aws:principalisawsservice":
		return keyService
	}
	if strings.HasPrefix(strings.ToLower(key), "aws:principaltag/") {
		return keySigned
	}
	return keyOther
}

// operator is a condition operator taken apart.
type operator struct {
	base             string // lower case, without prefix, "not" and suffix
	negated          bool
	ifExists         bool
	forAll, forAny   bool
	null, boolean    bool
	equality, ranges bool
}

func parseOperator(s string) operator {
	var o operator
	b := strings.ToLower(s)
	b, o.forAll = strings.CutPrefix(b, "forallvalues:")
	b, o.forAny = strings.CutPrefix(b, "foranyvalue:")
	b, o.ifExists = strings.CutSuffix(b, "ifexists")
	o.negated = strings.Contains(b, "not")
	o.base = strings.Replace(b, "not", "", 1)
	switch o.base {
	case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "binaryequals", "numericequals", "dateequals":
		o.equality = true
	case "ipaddress":
		o.ranges = true
	case "null":
		o.null = true
	case "bool":
		o.boolean = true
	}
	return o
}

// conditionsOf reads the conditions of an Allow statement. A condition narrows
// it down only if it fails for a caller who lacks the key: so not with IfExists,
// not with ForAllValues, and not when negated.
func conditionsOf(cond *jsonscan.Node) limits {
	var out limits
	for _, op := range cond.Keys() {
		o := parseOperator(op)
		for _, key := range cond.Get(op).Keys() {
			values := conditionValues(cond.Get(op).Get(key))
			kind := conditionKey(key)
			if out.text != "" {
				out.text += ", "
			}
			out.text += shown(key)
			switch {
			case o.null:
				out.authenticated = out.authenticated || onlyText(values, "false") && (kind == keySigned || tellsPrincipal(key))
			case o.negated || len(values) == 0 || (o.ifExists || o.forAll) && kind != keyAddress:
			case kind == keyService && o.boolean:
				out.fixed = out.fixed || onlyText(values, "true")
			case kind == keySigned:
				out.authenticated = true
			case kind == keyAddress && o.ranges:
				out.fixed = out.fixed || allNarrow(values)
			case (kind == keyFixed || kind == keyAccount) && o.equality:
				out.take(kind, key, values)
			}
		}
	}
	return out
}

// take takes in a condition that the caller's key equals one of some values.
func (l *limits) take(kind keyKind, key string, values []string) {
	key = strings.ToLower(key)
	l.authenticated = l.authenticated || tellsPrincipal(key)
	var accounts []string
	for _, v := range values {
		account := arnAccount(v)
		switch {
		case strings.Contains(v, "${"):
			return // whatever the caller says
		case kind == keyAccount && account == "" && !(key == "aws:sourcearn" && isS3ARN(v)):
			return // an account of anybody's
		case kind == keyFixed && !isFixedValue(v):
			return
		}
		if kind == keyAccount && (key == "aws:principalarn" || key == "aws:principalaccount") {
			accounts = append(accounts, account)
		}
	}
	l.fixed = true
	l.accounts = append(l.accounts, accounts...)
	l.inOrganization = l.inOrganization || strings.Contains(key, ":principalorg")
}

// isS3ARN reports whether an ARN names one bucket; those have no account in them.
func isS3ARN(v string) bool {
	name, ok := strings.CutPrefix(v, "arn:aws:s3:::")
	return ok && name != "" && !strings.HasPrefix(name, "*")
}

// isFixedValue reports whether a value without account stands for one thing: it
// begins with more than a prefix that all of its kind share.
func isFixedValue(v string) bool {
	head, _, found := strings.Cut(v, "*")
	if !found {
		return v != "" && !strings.Contains(v, "?")
	}
	for _, common := range [...]string{"vpc-", "vpce-", "o-", "AROA", "AIDA", "ASIA", "arn:aws:"} {
		if strings.HasPrefix(common, head) || head == common {
			return false
		}
	}
	return len(head) >= 6
}

// tellsPrincipal reports whether only a request with credentials has the key.
func tellsPrincipal(key string) bool {
	k := strings.ToLower(key)
	return strings.HasPrefix(k, "aws:principal") || k == "aws:userid" || k == "aws:username"
}

func conditionValues(n *jsonscan.Node) []string {
	var out []string
	for _, v := range nodes(n) {
		switch v.Kind() {
		case jsonscan.String:
			out = append(out, v.Text())
		case jsonscan.Bool:
			out = append(out, map[bool]string{true: "true", false: "false"}[v.True()])
		}
	}
	return out
}

func onlyText(values []string, want string) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return !strings.EqualFold(v, want) })
}

// allNarrow reports whether address ranges are less than the whole internet,
// by the measure of AWS: of IPv4 at most a /8, of IPv6 at most a /32.
func allNarrow(values []string) bool {
	for _, v := range values {
		p, ok := looseRange(v)
		if !ok {
			return false
		}
		if p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 32 {
			return false
		}
	}
	return len(values) > 0
}

// looseRange reads an address or a range, the way AWS does: leading zeros and
// bits behind the prefix do not matter.
func looseRange(v string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(v); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}
