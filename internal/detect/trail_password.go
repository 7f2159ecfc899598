package detect

import (
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// passwordPolicy is the account's rule for passwords. What a request leaves out
// goes back to these zero values, so a request is the whole policy.
type passwordPolicy struct {
	Length                         int64
	Symbols, Numbers, Upper, Lower bool
	MaxAge, Reuse                  int64 // 0: none
	None                           bool  // there is no policy: AWS's own applies
}

// awsPasswords is what AWS asks for where an account has no policy: eight
// characters of three kinds.
func awsPasswords() passwordPolicy {
	return passwordPolicy{Length: 8, Symbols: true, Numbers: true, Lower: true, None: true}
}

func readPasswordPolicy(n *jsonscan.Node) passwordPolicy {
	return passwordPolicy{
		Length:  max(6, member(n, "minimumPasswordLength").Int()),
		Symbols: saysYes(member(n, "requireSymbols")), Numbers: saysYes(member(n, "requireNumbers")),
		Upper: saysYes(member(n, "requireUppercaseCharacters")), Lower: saysYes(member(n, "requireLowercaseCharacters")),
		MaxAge: member(n, "maxPasswordAge").Int(), Reuse: member(n, "passwordReusePrevention").Int(),
	}
}

// weaker lists what a policy asks less of than another, and how much less that
// is, in steps.
func (p passwordPolicy) weaker(old passwordPolicy) (loss int, what []string) {
	less := func(by int, format string, args ...any) {
		loss += by
		what = append(what, fmt.Sprintf(format, args...))
	}
	if p.Length < old.Length {
		less(max(1, int(old.Length-p.Length)/2), "the shortest password has %d characters instead of %d", p.Length, old.Length)
	}
	for _, k := range []struct {
		name     string
		was, now bool
	}{{"symbols", old.Symbols, p.Symbols}, {"numbers", old.Numbers, p.Numbers}, {"capitals", old.Upper, p.Upper}, {"small letters", old.Lower, p.Lower}} {
		if k.was && !k.now {
			less(1, "%s are no longer needed", k.name)
		}
	}
	if old.MaxAge > 0 && (p.MaxAge == 0 || p.MaxAge > old.MaxAge) {
		less(1, "passwords live %s instead of %d days", days(p.MaxAge), old.MaxAge)
	}
	if p.Reuse < old.Reuse {
		less(1, "%d old passwords are barred instead of %d", p.Reuse, old.Reuse)
	}
	return loss, what
}

func days(n int64) string {
	if n == 0 {
		return "for ever"
	}
	return fmt.Sprintf("%d days", n)
}

// passwordPolicyChanged looks for changes, and attempts of them, that make the
// account's passwords weaker. Where no earlier policy is known, the new one is
// compared with AWS's own.
func (c *apiCall) passwordPolicyChanged() {
	old, known := awsPasswords(), false
	if p := c.settings().PasswordPolicy.before(c.ev.Time); p != nil {
		old, known = *p, true
	}
	deleted := c.t.Name == "DeleteAccountPasswordPolicy"
	next := awsPasswords()
	if !deleted {
		next = readPasswordPolicy(c.req())
	}
	if c.t.Succeeded() {
		defer func() {
			c.account.trail.settings.touch("account", c.ev.Time).PasswordPolicy.tell(next, c.ev.Time)
		}()
	}
	loss, what := next.weaker(old)
	switch {
	case deleted && (strings.Contains(c.t.ErrorCode, "NoSuchEntity") || known && old.None):
		return // there was none
	case deleted && !known:
		loss, what = 1, []string{"the policy was deleted, and AWS's own applies"}
	case loss == 0:
		return
	}
	s := c.claimCall("Stealth:IAMUser/PasswordPolicyChange", c.principal())
	s.Severity = 2
	if c.t.Succeeded() && loss > 5 {
		s.Severity = 8
	} else if c.t.Succeeded() && loss > 2 {
		s.Severity = 5
	}
	s.Title = "The account's password policy was weakened."
	if !c.t.Succeeded() {
		s.Title = "Somebody tried to weaken the account's password policy."
	}
	s.Description = c.who() + " called " + shown(c.t.Name) + c.from() + c.outcome() + ": " + strings.Join(what, ", ") + "."
	s.Why = strings.Join(what, "; ")
	if !known && !deleted {
		s.Why += "; the policy before is not known, so that AWS's own was compared"
	}
	c.raise(s)
}
