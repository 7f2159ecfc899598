// Package browser holds no code, only tests: they use the console of a whole
// server in a real browser, as people do, with findings from real records.
package browser
