package finding

import "strings"

// OfRule reports whether a type is one of those that rules and alerts of others
// make, which no catalogue lists: they end in .Custom or .Rule.
func OfRule(typ string) bool {
	return strings.HasSuffix(typ, ".Custom") || strings.HasSuffix(typ, ".Rule")
}
