package access

import "fmt"

// Role says what a key is for.
type Role string

// The four roles.
const (
	RoleAdmin    Role = "admin"
	RoleAnalyst  Role = "analyst"
	RoleReadOnly Role = "read-only"
	RoleIngest   Role = "ingest"
)

// Right is a class of operations that a role has or has not.
type Right string

// The rights. Every API operation needs exactly one; a push needs RightPush.
const (
	RightRead   Right = "read"   // get, list, statistics
	RightTriage Right = "triage" // archive, feedback, filters, samples, tags
	RightManage Right = "manage" // detectors, lists, destinations, members, plans
	RightPush   Right = "push"   // send records to /ingest/
)

// Roles lists every role, the most powerful first.
func Roles() []Role { return []Role{RoleAdmin, RoleAnalyst, RoleReadOnly, RoleIngest} }

// ParseRole reads a role by name; the error lists the names there are.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if string(r) == s {
			return r, nil
		}
	}
	return "", fmt.Errorf("parse role %q: must be one of admin, analyst, read-only, ingest", s)
}

// May reports whether the role has the right. An unknown role has none.
func (r Role) May(need Right) bool {
	switch r {
	case RoleAdmin:
		return true
	case RoleAnalyst:
		return need == RightRead || need == RightTriage
	case RoleReadOnly:
		return need == RightRead
	case RoleIngest:
		return need == RightPush
	}
	return false
}
