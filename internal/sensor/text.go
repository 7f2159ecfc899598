package sensor

import (
	"strings"
	"unicode/utf8"
)

// Strings of processes are bytes; those of records are UTF-8. A byte that is
// part of no UTF-8 becomes one character of Unicode's private use, U+EF00 and
// the byte: 0xFF is U+EFFF. So does each byte of a character that would be
// mistaken for one of these. That can be undone, so no two names look alike,
// and it leaves ASCII, backslashes too, as it is.
const (
	firstRaw = 0xef80
	lastRaw  = 0xefff
)

// text makes UTF-8 of a string of a process.
func text(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || firstRaw <= r && r <= lastRaw {
			for i := range n {
				b.WriteRune(0xef00 + rune(s[i]))
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// Bytes is the string of a process that the text of a record stands for.
func Bytes(s string) string {
	var b strings.Builder
	for _, r := range s {
		if firstRaw <= r && r <= lastRaw {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain reports whether a string stays as it is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return firstRaw <= r && r <= lastRaw }) < 0
		}
	}
	return true
}

// texts makes UTF-8 of several, in place.
func texts(all []string) []string {
	for i, s := range all {
		all[i] = text(s)
	}
	return all
}
