package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// flowRow is a row as flow logs are delivered in Parquet, with a column to
// come and one that a query service adds.
type flowRow struct {
	Version   int32   `parquet:"version"`
	Account   string  `parquet:"account_id,dict"`
	Interface string  `parquet:"interface_id"`
	Src       *string `parquet:"srcaddr,optional"`
	Dst       *string `parquet:"dstaddr,optional"`
	SrcPort   *int32  `parquet:"srcport,optional"`
	Packets   *int64  `parquet:"packets,optional"`
	Start     int64   `parquet:"start"`
	End       int64   `parquet:"end,timestamp(millisecond)"`
	Action    string  `parquet:"action,dict"`
	Status    string  `parquet:"log_status,zstd"`
	ToCome    string  `parquet:"quantum_state"`
	Region    string  `parquet:"aws_region"`
}

func flowRows(n int) []flowRow {
	src, dst, port, packets := "192.0.2.10", "2001:db8::1", int32(443), int64(1)<<40
	rows := make([]flowRow, n)
	for i := range rows {
		rows[i] = flowRow{2, "111122223333", fmt.Sprintf("eni-%017x", i), &src, &dst, &port, &packets, 1767323045, 1767323105000, "ACCEPT", "OK", "x", "eu-central-1"}
		if i%3 == 1 {
			rows[i].Src, rows[i].Dst, rows[i].SrcPort, rows[i].Packets, rows[i].Action, rows[i].Status = nil, nil, nil, nil, "-", "NODATA"
		}
	}
	return rows
}

func parquetFile(t testing.TB, rows []flowRow, perGroup int64, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[flowRow](&b, append(options, parquet.MaxRowsPerRowGroup(perGroup))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fields brings the fields of a line into the order of names.
func fields(header, line string, names ...string) string {
	at := map[string]string{}
	values := strings.Split(line, " ")
	for i, n := range strings.Split(header, " ") {
		if i < len(values) {
			at[n] = values[i]
		}
	}
	var out []string
	for _, n := range names {
		out = append(out, at[n])
	}
	return strings.Join(out, " ")
}

// TestParquet reads files of one and many pages and row groups, in a file and
// from a pipe.
func TestParquet(t *testing.T) {
	names := []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "packets", "start", "end", "action", "log-status", "region"}
	for name, data := range map[string][]byte{
		"one row":     parquetFile(t, flowRows(1), 1000),
		"many":        parquetFile(t, flowRows(3000), 700, parquet.PageBufferSize(2000)),
		"pages of v1": parquetFile(t, flowRows(3000), 1<<20, parquet.DataPageVersion(1), parquet.Compression(&parquet.Gzip)),
		"snappy":      parquetFile(t, flowRows(3000), 1<<20, parquet.Compression(&parquet.Snappy)),
	} {
		path := filepath.Join(t.TempDir(), "flow.parquet")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{path, "-"} {
			in, err := Open(from, bytes.NewReader(data))
			if err != nil {
				t.Fatal(name, err)
			}
			got, err := io.ReadAll(in)
			if err != nil || in.Close() != nil {
				t.Fatal(name, err)
			}
			lines := strings.Split(strings.TrimSuffix(string(got), "\n"), "\n")
			rows := 0
			for i, l := range lines[1:] {
				rows++
				want := fmt.Sprintf("2 111122223333 eni-%017x 192.0.2.10 2001:db8::1 443 1099511627776 1767323045 1767323105 ACCEPT OK eu-central-1", i)
				if i%3 == 1 {
					want = fmt.Sprintf("2 111122223333 eni-%017x - - - - 1767323045 1767323105 - NODATA eu-central-1", i)
				}
				if got := fields(lines[0], l, names...); got != want {
					t.Fatalf("%s, row %d: %s, want %s", name, i, got, want)
				}
			}
			if strings.Contains(lines[0], "quantum") || name == "many" && rows != 3000 {
				t.Errorf("%s: %d rows under %q", name, rows, lines[0])
			}
		}
	}
}

// TestDamagedParquet cuts and changes a file: what can be read is read, and
// the rest is an error that says so.
func TestDamagedParquet(t *testing.T) {
	data := parquetFile(t, flowRows(12), 6)
	read := func(b []byte) error {
		r, err := ParquetText(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		return err
	}
	if err := read(data); err != nil {
		t.Fatal(err)
	}
	faults := 0
	for i := range data {
		for _, b := range [][]byte{data[:i], flipped(data, i)} {
			err := read(b)
			if err == nil {
				continue
			}
			faults++
			if p := new(ParquetError); !errors.As(err, &p) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				t.Fatalf("at %d: %v", i, err)
			}
		}
	}
	if faults < len(data) {
		t.Errorf("only %d faults were noticed", faults)
	}
	other := &bytes.Buffer{}
	w := parquet.NewGenericWriter[struct{ Name string }](other)
	w.Write([]struct{ Name string }{{"x"}})
	w.Close()
	if err := read(other.Bytes()); err == nil || !strings.Contains(err.Error(), "no columns of a flow log") {
		t.Errorf("another table: %v", err)
	}
}

func flipped(data []byte, i int) []byte {
	b := bytes.Clone(data)
	b[i] ^= 0xFF
	return b
}

// FuzzParquet holds that no file makes us panic, hang or take memory without end.
func FuzzParquet(f *testing.F) {
	f.Add(parquetFile(f, flowRows(3), 2))
	f.Add(parquetFile(f, flowRows(40), 20, parquet.DataPageVersion(1), parquet.Compression(&parquet.Snappy)))
	f.Add([]byte("PAR1\x15\x00PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		r, err := ParquetText(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		defer r.Close()
		n, _ := io.Copy(io.Discard, io.LimitReader(r, 64<<20))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%d bytes took %v and gave %d", len(b), took, n)
		}
	})
}
