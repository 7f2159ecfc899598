// Package noise decides which new findings are told one by one and which
// together with others of their type, so that a type that floods hides nobody.
// It reads no clock: the decisions about a scope depend on its own claims, in
// their order, and on nothing else.
package noise
