package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOIDC: what is written is what is meant, and mistakes are named.
func TestOIDC(t *testing.T) {
	c, err := Parse([]byte(`access:
  oidc:
    issuer: https://login.example.com/realms/acme
    clientId: vedette
    clientSecretFile: /etc/vedette/oidc
    groupsClaim: realm_access.roles
    roles: {admin: [vedette-admins], readOnly: [staff]}
    accounts: {"222222222222": [team-a]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Access.OIDC = OIDC{
		Issuer: "https://login.example.com/realms/acme", ClientID: "vedette", ClientSecretFile: "/etc/vedette/oidc", Scopes: []string{"email", "profile"},
		GroupsClaim: "realm_access.roles", Roles: OIDCRoles{Admin: []string{"vedette-admins"}, ReadOnly: []string{"staff"}},
		Accounts: map[string][]string{"222222222222": {"team-a"}},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
	const good = "issuer: https://x.example, clientId: v, roles: {admin: [a]}"
	for text, part := range map[string]string{
		"clientId: v":                            "access.oidc.issuer: is missing",
		"roles: {admin: [a]}":                    "access.oidc.issuer: is missing",
		"issuer: https://x.example":              "access.oidc.clientId: is missing",
		"issuer: https://x.example, clientId: v": "access.oidc.roles: no group has a role",
		"issuer: http://x.example, clientId: v, roles: {admin: [a]}":                "access.oidc.issuer: it must be https",
		"issuer: https://u:pw@x.example, clientId: v, roles: {admin: [a]}":          "without credentials",
		"issuer: login.example.com, clientId: v, roles: {admin: [a]}":               "it is not a URL",
		"issuer: \"https://x.example?a=b\", clientId: v, roles: {admin: [a]}":       "without credentials, query and fragment",
		good + ", clientSecret: x":                                                  "clientSecret is not a key here",
		good + ", scopes: [\"email profile\"]":                                      `access.oidc.scopes[0]: "email profile" is not a scope`,
		good + ", groupsClaim: \"\"":                                                "access.oidc.groupsClaim: is empty",
		good + ", accounts: {12: [a]}":                                              `access.oidc.accounts: "12" is not an AWS account id`,
		good + ", accounts: {\"222222222222\": []}":                                 "access.oidc.accounts.222222222222: names no group",
		good + ", accounts: {\"222222222222\": [a], \"333333333333\": [a]}":         `access.oidc.accounts.333333333333[0]: "a" stands in account 222222222222, too`,
		"issuer: https://x.example, clientId: v, roles: {admin: [a], analyst: [a]}": `access.oidc.roles.analyst[0]: "a" stands in roles.admin, too`,
		"issuer: https://x.example, clientId: v, roles: {admin: [\" \"]}":           "access.oidc.roles.admin[0]: is empty",
		"issuer: https://x.example, clientId: v, roles: {ingest: [a]}":              "ingest is not a key here",
	} {
		_, err := Parse([]byte("access: {oidc: {" + text + "}}\n"))
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q in it", text, err, part)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: the error shows the password: %v", text, err)
		}
	}
	for _, text := range []string{good, "issuer: http://127.0.0.1:9000/x, clientId: v, roles: {readOnly: [a]}", "issuer: http://localhost, clientId: v, roles: {analyst: [a]}"} {
		if _, err := Parse([]byte("access: {oidc: {" + text + "}}\n")); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
