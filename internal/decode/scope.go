package decode

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// isRegion reports whether s can be the name of a Region.
func isRegion(s string) bool {
	if len(s) < 4 || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// maxNames bounds how many names of accounts and Regions are kept.
const maxNames = 4096

// name returns a copy of s that outlives the batch, the same one every time:
// scopes are kept, and are compared all the time.
func (d *Decoder) name(s string) string {
	if v, ok := d.names[s]; ok {
		return v
	}
	if d.names == nil || len(d.names) >= maxNames {
		d.names = map[string]string{}
	}
	v := strings.Clone(s)
	d.names[v] = v
	return v
}

// account keeps the name of an account, and remembers it as the last one.
func (d *Decoder) account(s string) string {
	if s != d.lastAccount {
		d.lastAccount = d.name(s)
	}
	return d.lastAccount
}

// region keeps the name of a Region; what is none stays as it is.
func (d *Decoder) region(s string) string {
	if s != d.lastRegion {
		if !isRegion(s) {
			return s
		}
		d.lastRegion = d.name(s)
	}
	return d.lastRegion
}

// awsScope is the scope of a record that names its account and Region itself.
// A cluster is for audit records only.
func (d *Decoder) awsScope(account, region string) event.Scope {
	s := d.scope
	s.Cluster = ""
	if account != "" && !d.chunk.OneAccount && (account == d.lastAccount || event.IsAccount(account)) {
		s.Account = d.account(account)
	}
	if region != "" && (region == d.lastRegion || isRegion(region)) {
		s.Region = d.region(region)
	}
	return s
}
