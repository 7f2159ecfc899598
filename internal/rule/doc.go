// Package rule is the rule language: Sigma rules, filters and correlations are
// read from YAML and compiled into a [Set] that a [Matcher] asks of each event.
//
// Everything that can be wrong with a rule is told when it is loaded, with the
// file, the line and what to do. Nothing is compiled while matching: rules are
// found by what they need (the kind of event, values that must be there, words
// that must be in them), and what an event's record says is read from it once.
//
// The package knows nothing of findings.
package rule
