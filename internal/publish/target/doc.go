// Package target holds the places that findings are published to, one a file,
// and the forms that they want them in. Findings quote what attackers wrote:
// every text of theirs is escaped for the markup it is put into.
package target
