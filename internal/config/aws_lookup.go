package config

import (
	"fmt"
	"time"
)

// AWS is what is asked of AWS beside its logs.
type AWS struct {
	Lookup Lookup `yaml:"lookup"`
}

// Lookup asks EC2 for the details of machines that findings are about and that
// no log described.
type Lookup struct {
	// Accounts are those whose EC2 is asked; none asks nothing.
	Accounts []LookupAccount `yaml:"accounts"`
	// CallsPerMinute bounds what is asked of each account.
	CallsPerMinute int `yaml:"callsPerMinute"`
	// Keep is for how long what was asked for is not asked for again.
	Keep time.Duration `yaml:"keep"`
}

// LookupAccount is an account whose EC2 is asked, in the Region of a finding, or
// only in the Region given.
type LookupAccount struct {
	Account string `yaml:"account"` // default: the account above
	Access  `yaml:",inline"`
}

func defaultLookup() Lookup { return Lookup{CallsPerMinute: 10, Keep: 6 * time.Hour} }

// For is how EC2 of an account is asked in a Region; nil if it is not to be.
func (l *Lookup) For(account, region, home string) *LookupAccount {
	for i := range l.Accounts {
		a := &l.Accounts[i]
		if (a.Account == account || a.Account == "" && account == home) && (a.Region == "" || a.Region == region) {
			return a
		}
	}
	return nil
}

func (l *Lookup) validate(bad func(key, format string, args ...any)) {
	for i := range l.Accounts {
		a, key := &l.Accounts[i], fmt.Sprintf("aws.lookup.accounts[%d]", i)
		if a.Account != "" && !accountForm.MatchString(a.Account) {
			bad(key+".account", "%q is not an AWS account id; write 12 digits in quotes", a.Account)
		}
		if a.PathStyle {
			bad(key+".pathStyle", "it is for buckets; leave it out")
		}
		a.Access.validate(bad, key)
	}
	if l.CallsPerMinute < 1 || l.CallsPerMinute > 600 {
		bad("aws.lookup.callsPerMinute", "%d is not between 1 and 600", l.CallsPerMinute)
	}
	if l.Keep < time.Minute {
		bad("aws.lookup.keep", "%s is below 1m", l.Keep)
	}
}
