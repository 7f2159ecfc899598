// Package intel knows bad addresses and domains, and trusted ones, from lists.
// A [Set] never changes: a new one takes the place of the old. Look-ups do not
// allocate.
package intel
