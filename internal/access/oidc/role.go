package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
)

// Roles are the groups that have a role. Who is in groups of several roles has
// the one with the most rights.
type Roles struct{ Admin, Analyst, ReadOnly []string }

func (r Roles) empty() bool { return len(r.Admin)+len(r.Analyst)+len(r.ReadOnly) == 0 }

func (r Roles) of(groups []string) (access.Role, bool) {
	for _, is := range []struct {
		role access.Role
		in   []string
	}{{access.RoleAdmin, r.Admin}, {access.RoleAnalyst, r.Analyst}, {access.RoleReadOnly, r.ReadOnly}} {
		if shared(is.in, groups) {
			return is.role, true
		}
	}
	return "", false
}

// accountOf is the account that somebody acts for, "" the installation's own.
// To be in the groups of several is refused: a guess could show one's findings
// to the other.
func accountOf(accounts map[string][]string, groups []string) (string, error) {
	account := ""
	for _, a := range slices.Sorted(maps.Keys(accounts)) {
		if !shared(accounts[a], groups) {
			continue
		}
		if account != "" {
			return "", fmt.Errorf("%w: the groups are those of the accounts %s and %s; a person acts for one", ErrNoRole, account, a)
		}
		account = a
	}
	return account, nil
}

func shared(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// groupsIn reads the names of groups from a claim: a text, or a list of them. A
// name with dots that no claim has is a path into objects, such as
// realm_access.roles.
func groupsIn(claims map[string]json.RawMessage, name string) ([]string, bool) {
	raw, ok := claims[name]
	for !ok {
		first, rest, dotted := strings.Cut(name, ".")
		var inner map[string]json.RawMessage
		if !dotted || json.Unmarshal(claims[first], &inner) != nil {
			return nil, false
		}
		claims, name = inner, rest
		raw, ok = claims[name]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one == "" { // also null
			return nil, false
		}
		return []string{one}, true
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil, false
	}
	return many, true
}
