package target_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestLake: a real bucket has findings of all types in the folders of Security
// Lake, as Parquet that has what the JSON of OCSF has; the same findings give
// the same object.
func TestLake(t *testing.T) {
	schema := ocsfSchema(t, "1.3.0")
	srv := testbed.S3(t)
	srv.Bucket("lake")
	to := &target.Lake{S3: target.S3{Client: srv.Client(), Bucket: "lake"}, Version: "1.2"}
	var events []publish.Event
	for _, kind := range finding.Catalog() {
		events = append(events, publish.FindingEvent(finding.Sample(kind, account, region, now), now))
	}
	other := publish.FindingEvent(sample(t, podType), now)
	other.Finding().AccountID, other.Finding().UpdatedAt = "222233334444", "2026-05-02T00:00:00.000Z"
	events = append(events, other, wild(t), health(t, false, "x"))
	for range 2 {
		if err := to.Send(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	rows, objects := map[string]int{}, 0
	root := filepath.Join(srv.Dir, "lake")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		objects++
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		last := int64(0)
		for _, v := range parquetRows(t, path) {
			rows[dir]++
			checkOCSF(t, schema, "detection_finding", dir, v)
			if at := int64(v["time"].(float64)); at < last {
				t.Errorf("%s: time %d after %d", path, at, last)
			} else {
				last = at
			}
			if raw := decode(t, []byte(at(t, v, "unmapped", "guardduty").(string))); raw["id"] != at(t, v, "finding_info", "uid") || raw["schemaVersion"] != "2.0" {
				t.Errorf("unmapped %v", raw)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	home := "ext/vedette/region=" + region + "/accountId="
	if objects != 2 || rows[home+account+"/eventDay=20260501"] != len(finding.Catalog())+1 || rows[home+"222233334444/eventDay=20260502"] != 1 {
		t.Errorf("%d objects, rows %v", objects, rows)
	}
	to.Bucket = "not-there"
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), events[:1]); err == nil || errors.As(err, &refused) {
		t.Errorf("no such bucket: %v", err)
	}
}

// parquetRows reads a file by its own schema, as JSON is read.
func parquetRows(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(file, st.Size())
	if err != nil || !strings.HasSuffix(path, ".parquet") {
		t.Fatalf("%s: %v", path, err)
	}
	for _, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			if c.MetaData.Codec.String() != "ZSTD" {
				t.Errorf("a column is compressed by %s", c.MetaData.Codec)
			}
		}
	}
	r := parquet.NewGenericReader[any](f, f.Schema())
	defer r.Close()
	for buf := make([]any, 64); ; {
		n, err := r.Read(buf)
		for _, v := range buf[:n] {
			out = append(out, plainly(v).(map[string]any))
		}
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// plainly is a value of Parquet as it would come out of JSON: lists without
// their wrapping, numbers as floats, and without what is null.
func plainly(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if list, ok := x["list"].([]any); ok && len(x) == 1 {
			out := make([]any, 0, len(list))
			for _, e := range list {
				out = append(out, plainly(e.(map[string]any)["element"]))
			}
			return out
		}
		out := map[string]any{}
		for name, e := range x {
			if e = plainly(e); e != nil {
				out[name] = e
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(x))
		for _, e := range x {
			out = append(out, plainly(e))
		}
		return out
	case int32:
		return float64(x)
	case int64:
		return float64(x)
	case []byte:
		return string(x)
	}
	return v
}

// The reader of Parquet that is not ours.
const (
	hyparquet  = "hyparquet@1.31.5"
	compressor = "hyparquet-compressors@1.1.2"
)

// TestLakeReadByOthers: a reader of Parquet that shares no code with the writer
// reads the same.
func TestLakeReadByOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it installs a package of Node.js")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			testbed.Lack(t, tool, "install Node.js 20 or later")
		}
	}
	work := t.TempDir()
	script, err := os.ReadFile("testdata/parquet.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "parquet.mjs"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", work, hyparquet, compressor)
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		testbed.Lack(t, hyparquet, "set npm's registry to one that has it: "+string(out))
	}
	srv := testbed.S3(t)
	srv.Bucket("lake")
	to := &target.Lake{S3: target.S3{Client: srv.Client(), Bucket: "lake", Prefix: "p"}, Version: "1.2"}
	var events []publish.Event
	for _, kind := range finding.Catalog() {
		events = append(events, publish.FindingEvent(finding.Sample(kind, account, region, now), now))
	}
	if err := to.Send(t.Context(), append(events, wild(t))); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(srv.Dir, "lake", "p", "*", "*", "*", "*.parquet"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("objects %q, %v", paths, err)
	}
	read := exec.CommandContext(t.Context(), "node", "parquet.mjs", paths[0])
	read.Dir, read.Stderr = work, t.Output()
	out, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	ours := parquetRows(t, paths[0])
	if len(lines) != len(ours) {
		t.Fatalf("%d rows, we read %d", len(lines), len(ours))
	}
	for i, line := range lines {
		if d := cmp.Diff(ours[i], decode(t, []byte(line)), cmpopts.EquateEmpty(), cmpopts.IgnoreMapEntries(func(_ string, v any) bool {
			l, ok := v.([]any)
			return ok && len(l) == 0
		})); d != "" {
			t.Fatalf("row %d: %s", i, d)
		}
	}
}
