package ingest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vedette-project/vedette/internal/event"
)

const (
	headerA = "version account-id srcaddr dstaddr action"
	headerB = "srcaddr dstaddr bytes"
	lineA   = "5 111122223333 192.0.2.1 198.51.100.2 ACCEPT"
	lineB   = "192.0.2.1 198.51.100.2 1234"
)

// byFormat frames a stream and counts the lines of each format. Each chunk has
// one format, as it must when a chunk is cut further without its header.
func byFormat(t *testing.T, r io.Reader) map[string]int {
	t.Helper()
	f := NewFramer(r, NewPool(2))
	got := map[string]int{}
	line := int64(1)
	for {
		var c event.Chunk
		err := f.Next(&c)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.FirstLine != line {
			t.Errorf("a chunk begins at line %d, want %d", c.FirstLine, line)
		}
		for l := range strings.Lines(string(c.Data)) {
			line++
			l = strings.TrimSpace(strings.TrimPrefix(l, mark))
			if event.IsFlowHeader([]byte(l)) {
				if l != c.Format {
					t.Errorf("header %q in a chunk of %q", l, c.Format)
				}
				continue
			}
			if l != "" {
				got[c.Format]++
			}
		}
	}
}

// TestFormats: every chunk says what the header of its lines was.
func TestFormats(t *testing.T) {
	const n = 60000 // several chunks
	a, b := strings.Repeat(lineA+"\n", n), strings.Repeat(lineB+"\n", n)
	for name, tc := range map[string]struct {
		in   string
		want map[string]int
	}{
		"no header":    {a, map[string]int{"": n}},
		"one header":   {headerA + "\n" + a, map[string]int{headerA: n}},
		"windows":      {mark + headerA + "\r\n" + strings.ReplaceAll(a, "\n", "\r\n"), map[string]int{headerA: n}},
		"blank before": {"\n \n" + headerA + "\n" + a, map[string]int{headerA: n}},
		"same again":   {headerA + "\n" + a + headerA + "\n" + a, map[string]int{headerA: 2 * n}},
		"another":      {headerA + "\n" + a + headerB + "\n" + b, map[string]int{headerA: n, headerB: n}},
		"small ones":   {headerA + "\n" + lineA + "\n" + headerB + "\n" + lineB + "\n" + headerA + "\n" + lineA, map[string]int{headerA: 2, headerB: 1}},
		"later":        {a + headerB + "\n" + b, map[string]int{"": n, headerB: n}},
		"behind JSON":  {rec(1) + "\n" + headerA + "\n" + a, map[string]int{"": 1, headerA: n}},
	} {
		for kind, r := range map[string]io.Reader{"whole": strings.NewReader(tc.in), "pieces": iotest.HalfReader(strings.NewReader(tc.in))} {
			got := byFormat(t, r)
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%s, %s: %v, want %v", name, kind, got, tc.want)
			}
		}
	}
}

// TestManyFormats: formats that change with every line do not make framing slow.
func TestManyFormats(t *testing.T) {
	in := strings.Repeat(headerA+"\n"+lineA+"\n"+headerB+"\n"+lineB+"\n", 40000)
	f := NewFramer(strings.NewReader(in), NewPool(2))
	chunks, size := 0, 0
	for {
		var c event.Chunk
		if err := f.Next(&c); err != nil {
			break
		}
		chunks++
		size += len(c.Data)
	}
	if chunks > maxFormats+len(in)/chunkTarget+2 || size != len(in) {
		t.Errorf("%d chunks of %d bytes, want %d bytes", chunks, size, len(in))
	}
}

func trail(i int) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","eventID":"%d","requestParameters":{"x":"%s"}}`, i, strings.Repeat("y", i%300))
}

// TestTrailFiles frames CloudTrail's files, which are one line of any length.
func TestTrailFiles(t *testing.T) {
	const n = 20000
	var list []string
	for i := range n {
		list = append(list, trail(i))
	}
	pretty := strings.ReplaceAll(strings.Join(list, ",\n  "), `,"requestParameters"`, ",\n   \"requestParameters\"")
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"file":          {`{"Records":[` + strings.Join(list, ",") + `]}`, n},
		"with a mark":   {mark + `{"Records":[` + strings.Join(list, ",") + `]}`, n},
		"pretty":        {"{\n \"Records\": [\n  " + pretty + "\n ]\n}\n", n},
		"two files":     {`{"Records":[` + strings.Join(list, ",") + `]}{"Records":[` + strings.Join(list, ",") + `]}`, 2 * n},
		"lookup-events": {"{\n \"Events\": [\n  " + pretty + "\n ],\n \"NextToken\": \"x\"\n}\n", n},
		"empty":         {"{\n \"Records\": []\n}", 0},
	} {
		got, cut := records(t, strings.NewReader(tc.in))
		if len(got) != tc.n || cut != 0 {
			t.Errorf("%s: %d records, want %d, %d cut", name, len(got), tc.n, cut)
			continue
		}
		for i, r := range got {
			if want := trail(i % n); strings.ReplaceAll(r, "\n   ", "") != want {
				t.Errorf("%s, record %d: %.100q", name, i, r)
				break
			}
		}
	}
}

// TestTornTrailFile: a record without an end, among others on one line, costs itself.
func TestTornTrailFile(t *testing.T) {
	list := []string{trail(1), `{"eventVersion":"1.08","eventID":"torn","requestParameters":{"x":{`, trail(2)}
	for range 3000 {
		list = append(list, trail(299))
	}
	got, _ := records(t, strings.NewReader(`{"Records":[`+strings.Join(list, ",")+`]}`))
	found := 0
	for _, r := range got {
		found += strings.Count(r, `"eventID":"299"`) + strings.Count(r, `"eventID":"1"`) + strings.Count(r, `"eventID":"2"`)
	}
	if found != 3002 {
		t.Errorf("%d of 3002 records", found)
	}
}
