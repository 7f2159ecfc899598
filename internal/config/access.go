package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// People is how people prove who they are, beside access keys.
type People struct {
	OIDC OIDC `yaml:"oidc"`
}

// OIDC is an identity provider that speaks OpenID Connect.
type OIDC struct {
	// Issuer is the provider's address as it stands in its tokens; "" for none.
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"clientId"`
	// ClientSecretFile holds the client's secret; "" is a public client.
	ClientSecretFile string `yaml:"clientSecretFile"`
	// Scopes are what is asked for beside openid.
	Scopes []string `yaml:"scopes"`
	// GroupsClaim is the claim that names a person's groups. Dots lead into objects.
	GroupsClaim string `yaml:"groupsClaim"`
	// Roles are the groups that have a role. Who is in none cannot log in.
	Roles OIDCRoles `yaml:"roles"`
	// Accounts are the groups whose people act for one account, by its 12
	// digits. Who is in none of them acts for the installation's own.
	Accounts map[string][]string `yaml:"accounts"`
	// CAFile holds the authority of the provider's certificate; "" trusts the system's.
	CAFile string `yaml:"caFile"`
}

// OIDCRoles are the groups that have a role.
type OIDCRoles struct {
	Admin    []string `yaml:"admin"`
	Analyst  []string `yaml:"analyst"`
	ReadOnly []string `yaml:"readOnly"`
}

func defaultPeople() People {
	return People{OIDC{Scopes: []string{"email", "profile"}, GroupsClaim: "groups"}}
}

func (p *People) validate(bad func(key, format string, args ...any)) {
	p.OIDC.validate(func(name, format string, args ...any) { bad("access.oidc."+name, format, args...) })
}

func (o *OIDC) validate(bad func(name, format string, args ...any)) {
	if o.Issuer == "" {
		if o.ClientID != "" || o.ClientSecretFile != "" || len(o.groups()) > 0 || len(o.Accounts) > 0 {
			bad("issuer", "is missing; write the provider's address, such as https://login.example.com")
		}
		return
	}
	if why := badIssuer(o.Issuer); why != "" {
		bad("issuer", "%s", why)
	}
	if o.ClientID == "" {
		bad("clientId", "is missing; write the id under which Vedette is registered at the provider")
	}
	for i, s := range o.Scopes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			bad(fmt.Sprintf("scopes[%d]", i), "%q is not a scope: one word without quotes", s)
		}
	}
	if o.GroupsClaim == "" {
		bad("groupsClaim", "is empty; write the claim that names a person's groups, such as groups")
	}
	o.checkGroups(bad)
}

// groups are the groups of all roles, in their order.
func (o *OIDC) groups() []string {
	return slices.Concat(o.Roles.Admin, o.Roles.Analyst, o.Roles.ReadOnly)
}

func (o *OIDC) checkGroups(bad func(name, format string, args ...any)) {
	if len(o.groups()) == 0 {
		bad("roles", "no group has a role, so that nobody could log in; set admin, analyst or readOnly")
	}
	in := map[string]string{}
	for _, r := range []struct {
		name   string
		groups []string
	}{{"roles.admin", o.Roles.Admin}, {"roles.analyst", o.Roles.Analyst}, {"roles.readOnly", o.Roles.ReadOnly}} {
		for i, g := range r.groups {
			switch {
			case strings.TrimSpace(g) == "":
				bad(fmt.Sprintf("%s[%d]", r.name, i), "is empty; write the name of a group")
			case in[g] != "":
				bad(fmt.Sprintf("%s[%d]", r.name, i), "%q stands in %s, too; a group has one role", g, in[g])
			}
			in[g] = r.name
		}
	}
	of := map[string]string{}
	for _, account := range slices.Sorted(maps.Keys(o.Accounts)) {
		if !accountForm.MatchString(account) {
			bad("accounts", "%q is not an AWS account id; write 12 digits in quotes", account)
		}
		if len(o.Accounts[account]) == 0 {
			bad("accounts."+account, "names no group")
		}
		for i, g := range o.Accounts[account] {
			switch {
			case strings.TrimSpace(g) == "":
				bad(fmt.Sprintf("accounts.%s[%d]", account, i), "is empty; write the name of a group")
			case of[g] != "":
				bad(fmt.Sprintf("accounts.%s[%d]", account, i), "%q stands in account %s, too; a person acts for one", g, of[g])
			}
			of[g] = account
		}
	}
}

// badIssuer says what is wrong with a provider's address, without repeating
// what may hold a password.
func badIssuer(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "it is not a URL such as https://login.example.com"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "write https://HOST/PATH only, without credentials, query and fragment"
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback(); u.Scheme == "http" && !local {
		return "it must be https: whoever is on the way could log in as anybody"
	}
	return ""
}
