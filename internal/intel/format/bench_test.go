package format

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// endless gives head, n times row with a number in it, and tail.
type endless struct {
	head, row, tail string
	n, i            int
	buf             string
}

func (e *endless) Read(p []byte) (int, error) {
	for e.buf == "" {
		switch {
		case e.i == 0:
			e.buf = e.head
		case e.i <= e.n:
			e.buf = fmt.Sprintf(e.row, e.i>>16&255, e.i>>8&255, e.i&255)
		case e.i == e.n+1:
			e.buf = e.tail
		default:
			return 0, io.EOF
		}
		e.i++
	}
	n := copy(p, e.buf)
	e.buf = e.buf[n:]
	return n, nil
}

// BenchmarkParse reads lists of a hundred thousand entries.
func BenchmarkParse(b *testing.B) {
	for _, tc := range []struct {
		f               Format
		head, row, tail string
	}{
		{TXT, "", "203.%d.%d.%d\n", ""},
		{CSV, "first_seen,ip,malware\n", "2026-01-02 03:04:05,203.%d.%d.%d,Emotet\n", ""},
		{JSON, "", `{"cidr":"203.%d.%d.%d","sblid":"SBL1"}` + "\n", ""},
		{STIX2, `{"objects":[{"type":"x"}`, `,{"type":"indicator","pattern":"[ipv4-addr:value = '203.%d.%d.%d']"}` + "\n", "]}"},
		{STIX, "<STIX_Package>", "<Address_Value>203.%d.%d.%d</Address_Value>\n", "</STIX_Package>"},
	} {
		b.Run(strings.ToLower(string(tc.f)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				st, err := Parse(&endless{head: tc.head, row: tc.row, tail: tc.tail, n: 100_000}, Options{Format: tc.f}, discard)
				if err != nil || st.Entries != 100_000 {
					b.Fatal(st, err)
				}
			}
		})
	}
}
