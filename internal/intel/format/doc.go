// Package format reads lists of threats, and of what is trusted, as others
// write them: the six formats of GuardDuty's lists, plain and hosts-file lists,
// CSV and JSON exports, STIX 2.1, MISP events, and what the Tor network says of
// itself.
//
// [Parse] streams: it keeps one line, record or object at a time, and hands out
// entries in one normal form. It reads no clock; whether an entry has expired
// is for the caller to say. Everything here is written by strangers: sizes,
// nesting and the number of entries are bounded, a fault is told with its line,
// and nothing panics.
package format
