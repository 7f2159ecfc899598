package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vedette-project/vedette/internal/event"
)

// records frames r to its end and returns the records as a decoder would see them.
func records(t testing.TB, r io.Reader) (out []string, cut int) {
	t.Helper()
	f := NewFramer(r, NewPool(2))
	var c event.Chunk
	for {
		err := f.Next(&c)
		if errors.Is(err, io.EOF) {
			return out, cut
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Cut {
			cut++
		}
		if c.Records == nil {
			for _, l := range strings.Split(strings.TrimSuffix(string(c.Data), "\n"), "\n") {
				out = append(out, strings.TrimSpace(l))
			}
			continue
		}
		for _, s := range c.Records {
			out = append(out, string(c.Data[s.Start:s.End]))
		}
	}
}

func rec(i int) string { return fmt.Sprintf(`{"auditID":"%d","x":"}]{\"["}`, i) }

func many(n int) []string {
	var out []string
	for i := range n {
		out = append(out, rec(i))
	}
	return out
}

// TestFraming frames the same records in every layout, through readers that
// give few bytes at a time and through ones that fail with their last bytes.
func TestFraming(t *testing.T) {
	want := many(50)
	pretty := strings.ReplaceAll(strings.Join(want, ",\n  "), `,"x"`, ",\n \"x\"")
	for name, in := range map[string]string{
		"lines":             strings.Join(want, "\n") + "\n",
		"lines, no end":     strings.Join(want, "\n"),
		"array":             "[" + strings.Join(want, ",") + "]",
		"array over lines":  "[\n  " + strings.Join(want, ",\n  ") + "\n]\n",
		"pretty array":      "[\n  " + pretty + "\n]\n",
		"pretty list":       "{\n  \"kind\": \"EventList\",\n  \"items\": [\n  " + pretty + "\n],\n \"z\": {\"a\": [1]}\n}\n",
		"pretty values":     strings.ReplaceAll(strings.Join(want, "\n"), `,"x"`, ",\n \"x\""),
		"aws logs":          "{\n    \"events\": [" + pretty + "],\n \"searchedLogStreams\": []\n}",
		"two arrays":        "[" + strings.Join(want[:20], ",") + "]\n[" + strings.Join(want[20:], ",") + "]",
		"list over several": "{\n\"items\":[" + strings.Join(want[:20], ",") + "]}\n{\"items\":[" + strings.Join(want[20:], ",") + "]}",
	} {
		for kind, r := range map[string]io.Reader{
			"whole": strings.NewReader(in), "bytewise": iotest.OneByteReader(strings.NewReader(in)),
			"data with error": iotest.DataErrReader(strings.NewReader(in)),
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				got, _ := records(t, r)
				if len(got) != len(want) {
					t.Fatalf("got %d records, want %d: %.300q", len(got), len(want), got)
				}
				for i := range want {
					if compact(got[i]) != want[i] {
						t.Fatalf("record %d: got %q, want %q", i, got[i], want[i])
					}
				}
			})
		}
	}
}

func compact(s string) string { return strings.ReplaceAll(s, ",\n \"x\"", `,"x"`) }

// TestLargeStreams crosses chunk borders in lines and in one endless list.
func TestLargeStreams(t *testing.T) {
	big := strings.Repeat("y", 3000)
	want := make([]string, 4000)
	for i := range want {
		want[i] = fmt.Sprintf(`{"auditID":"%d","x":"%s"}`, i, big[:i%3000])
	}
	for name, in := range map[string]string{
		"lines": strings.Join(want, "\n"),
		"list":  `{"kind":"EventList","items":[` + strings.Join(want, ",") + `]}`,
		"array": "[" + strings.Join(want, ", ") + "]",
	} {
		t.Run(name, func(t *testing.T) {
			got, cut := records(t, strings.NewReader(in))
			if len(got) != len(want) || cut != 0 {
				t.Fatalf("got %d records and %d cut, want %d", len(got), cut, len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("record %d differs", i)
				}
			}
		})
	}
}

// TestGiants puts a record beyond the limit among others: its head is kept,
// it is marked, and its neighbours are there.
func TestGiants(t *testing.T) {
	giant := `{"auditID":"giant","x":"` + strings.Repeat("z\\\"", MaxRecord/2) + `"}`
	for name, in := range map[string]string{
		"lines":         rec(1) + "\n" + giant + "\n" + rec(2) + "\n",
		"first line":    giant + "\n" + rec(1) + "\n" + rec(2) + "\n",
		"array":         "[" + rec(1) + "," + giant + "," + rec(2) + "]",
		"event list":    `{"kind":"EventList","items":[` + rec(1) + "," + giant + "," + rec(2) + "]}",
		"list of lines": rec(1) + "\n" + `{"kind":"EventList","items":[` + giant + "," + rec(2) + "]}",
	} {
		t.Run(name, func(t *testing.T) {
			got, cut := records(t, strings.NewReader(in))
			if cut != 1 || len(got) != 3 {
				t.Fatalf("got %d records, %d cut", len(got), cut)
			}
			found := 0
			for _, r := range got {
				if r == rec(1) || r == rec(2) {
					found++
				} else if !strings.HasPrefix(r, `{"auditID":"giant"`) || len(r) > MaxRecord+chunkTarget+readBuffer {
					t.Errorf("the giant's head is wrong: %d bytes, %.40q", len(r), r)
				}
			}
			if found != 2 {
				t.Errorf("%d of 2 neighbours", found)
			}
		})
	}
}

// TestBrokenStructure loses one record at most where the structure breaks.
func TestBrokenStructure(t *testing.T) {
	in := "[\n" + rec(1) + ",\n" + `{"auditID":"broken" oops` + "},\n" + rec(2) + ",\n" + rec(3) + "\n]\n"
	got, _ := records(t, strings.NewReader(in))
	all := strings.Join(got, "\n")
	for i := 1; i <= 3; i++ {
		if !strings.Contains(all, rec(i)) {
			t.Errorf("record %d was lost: %q", i, got)
		}
	}
}

func TestReadErrorsAreReported(t *testing.T) {
	boom := errors.New("boom")
	f := NewFramer(io.MultiReader(strings.NewReader(rec(1)+"\n"+rec(2)), iotest.ErrReader(boom)), NewPool(1))
	var c event.Chunk
	var got []byte
	for {
		err := f.Next(&c)
		if errors.Is(err, boom) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.Data...)
	}
	if string(got) != rec(1)+"\n"+rec(2) {
		t.Fatalf("what was read before the fault: %q", got)
	}
}

// FuzzFrame holds that framing neither hangs nor depends on how the bytes arrive.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`[{"a":1},{"b":"]"}]`), uint64(1))
	f.Add([]byte("{\n\"items\": [ {}, {} ], \"x\": 1}\n{}"), uint64(2))
	f.Add([]byte("{\"a\":1}\n{\"b\n{}"), uint64(3))
	f.Add([]byte("{\"a\":[\n1,2}}]]\n"), uint64(4))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		a, _ := records(t, bytes.NewReader(data))
		b, _ := records(t, &randomReader{bytes.NewReader(data), rand.New(rand.NewPCG(seed, 1))})
		if strings.Join(a, "\x00") != strings.Join(b, "\x00") {
			t.Errorf("%q: %q and %q", data, a, b)
		}
	})
}

type randomReader struct {
	r   io.Reader
	rnd *rand.Rand
}

func (r *randomReader) Read(p []byte) (int, error) {
	return r.r.Read(p[:min(len(p), 1+r.rnd.IntN(9))])
}

// TestUnclosedRecords: brackets that never close, in every layout and at every
// length, cost the records of their own line and no others.
func TestUnclosedRecords(t *testing.T) {
	audit := func(i int) string {
		return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%d"}`, i)
	}
	const n = 40
	for _, size := range []int{10, chunkTarget, MaxRecord + chunkTarget} {
		broken := strings.Repeat("[", size)
		for name, layout := range map[string][3]string{
			"lines":   {"", "\n", "\n"},
			"array":   {"[\n", "\n,\n", "\n]"},
			"list":    {`{"kind":"EventList","items":[` + "\n", ",\n", "\n]}"},
			"element": {`[{"a":` + broken + "\n", "\n", "\n"},
		} {
			for _, at := range []int{0, n / 2} {
				if size > MaxRecord && at > 0 && name != "lines" {
					continue // the same way as at the start, and slow
				}
				var parts []string
				for i := range n {
					if i == at {
						parts = append(parts, broken)
					}
					parts = append(parts, audit(i))
				}
				got, _ := records(t, strings.NewReader(layout[0]+strings.Join(parts, layout[1])+layout[2]))
				found := 0
				for _, r := range got {
					found += strings.Count(r, `"auditID"`)
				}
				if found != n {
					t.Errorf("%s, %d brackets before record %d: %d of %d records", name, size, at, found, n)
				}
			}
		}
	}
}

// TestSmallChunksOfALargeBuffer: a buffer that grew for one long line is not
// handed out with every chunk.
func TestSmallChunksOfALargeBuffer(t *testing.T) {
	line := `{"items":[` + strings.Repeat(rec(1)+",", (MaxRecord+chunkTarget)/len(rec(1))) + rec(2) + "]}\n"
	f := NewFramer(strings.NewReader(rec(0)+"\n"+line), NewPool(2))
	var c event.Chunk
	for {
		err := f.Next(&c)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Records) > 0 && cap(c.Data) > 4*bufferCap {
			t.Fatalf("a chunk of %d bytes holds %d", len(c.Data), cap(c.Data))
		}
	}
}

// TestManyRecordsOnOneLongLine: records without a break between them are framed
// however many there are, at the start of a stream and after lines.
func TestManyRecordsOnOneLongLine(t *testing.T) {
	n := (MaxRecord + 3*chunkTarget) / len(rec(1))
	for _, before := range []string{"", rec(0) + "\n"} {
		got, cut := records(t, strings.NewReader(before+strings.Repeat(rec(1), n)))
		count := 0
		for _, r := range got {
			count += strings.Count(r, `"auditID":"1"`)
		}
		if count != n || cut != 0 {
			t.Errorf("after %q: %d of %d records, %d cut", before, count, n, cut)
		}
	}
}
