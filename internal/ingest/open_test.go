package ingest

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// TestBinary tells a log that lost some bytes from a file that is no log.
func TestBinary(t *testing.T) {
	log := strings.Repeat(rec(1)+"\n", 100)
	var wide []byte
	for _, u := range utf16.Encode([]rune(log)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, c := range map[string]struct {
		head string
		want bool
	}{
		"empty":            {"", false},
		"text":             {log, false},
		"one NUL":          {log[:50] + "\x00" + log[50:], false},
		"a hole":           {log[:50] + strings.Repeat("\x00", 4096) + log[50:], false},
		"a hole at first":  {strings.Repeat("\x00", 8<<10), false},
		"a hole and a log": {strings.Repeat("\x00", 100) + log, false},
		"UTF-16":           {string(wide), true},
		"a program":        {"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00>\x00\x01\x00\x00\x00", true},
	} {
		if got := isBinary([]byte(c.head)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
