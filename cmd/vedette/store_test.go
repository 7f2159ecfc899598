package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// runStore runs `vedette store ARG…` in this process.
func runStore(args ...string) (stdout, stderr string, err error) {
	var out, diag bytes.Buffer
	s := streams{strings.NewReader(""), &out, &diag}
	root := group(&cobra.Command{Use: "vedette", SilenceUsage: true, SilenceErrors: true}, storeCommand(s))
	root.SetArgs(append([]string{"store"}, args...))
	root.SetOut(&out)
	root.SetErr(&diag)
	err = root.ExecuteContext(context.Background())
	return out.String(), diag.String(), err
}

func wantText(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s says %q, want %q in it", what, text, part)
	}
}

func TestStoreCopy(t *testing.T) {
	server := testbed.Postgres(t)
	ctx, o := t.Context(), store.Options{Now: time.Now}
	dir, url := t.TempDir(), server.URL("vedette")
	st, err := store.Open(ctx, app.StoreFile(dir), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if err := st.PutKey(ctx, store.Key{ID: id, Role: "admin", CreatedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	out, diag, err := runStore("copy", "--data-dir", dir, "--to", url)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the table", strings.Join(strings.Fields(out), " "), "access_key 2 ")
	wantText(t, "the command", diag, filepath.Join(dir, "seal.key")+" must go along")
	if _, _, err = runStore("copy", "--data-dir", dir, "--to", url); err == nil {
		t.Fatal("a store was copied over another")
	}
	wantText(t, "the error", err.Error(), "is not empty: its table access_key has 2 rows; name another")

	back := filepath.Join(t.TempDir(), "new")
	out, diag, err = runStore("copy", "--from", url, "--data-dir", back, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the JSON", out, `"table": "access_key",`)
	wantText(t, "the command", diag, "put the servers' seal.key there too")
	if st, err = store.Open(ctx, app.StoreFile(back), o); err != nil {
		t.Fatal(err)
	}
	if keys, err := st.Keys(ctx); err != nil || len(keys) != 2 {
		t.Errorf("keys %v, %v", keys, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	// Not beside a server, on either side.
	unlock, err := app.LockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = runStore("copy", "--data-dir", dir, "--to", server.URL("locked")); err == nil {
		t.Fatal("a store was copied beside its server")
	}
	wantText(t, "the error", err.Error(), "another server runs on "+dir)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if st, err = store.OpenPostgres(ctx, url, o); err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.ResizeShards(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Claim(ctx, 0, "worker-7", time.Hour); err != nil {
		t.Fatal(err)
	}
	refused := filepath.Join(t.TempDir(), "x")
	if _, _, err = runStore("copy", "--from", url, "--data-dir", refused); err == nil {
		t.Fatal("a database was copied beside its server")
	}
	wantText(t, "the error", err.Error(), "the server worker-7 works on the database")
	if _, err := os.Stat(refused); err == nil {
		t.Error("a copy that was refused left a data directory")
	}

	// An empty database is probably not the one that was meant.
	if _, _, err = runStore("copy", "--from", server.URL("empty"), "--data-dir", refused); err == nil {
		t.Fatal("an empty store was copied")
	}
	wantText(t, "the error", err.Error(), "there was nothing to copy")
}

func TestStoreCopyRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nosuch")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "either with --to"},
		{[]string{"--from", "postgres://a", "--to", "postgres://b"}, "either with --to"},
		{[]string{"--to", "postgres://a"}, "there is no store in " + dir},
		{[]string{"-o", "xml"}, `-o "xml" is not known`},
		{[]string{"extra"}, "takes no arguments"},
	} {
		_, _, err := runStore(append([]string{"copy", "--data-dir", dir}, tt.args...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a wrong path was made a data directory")
	}
}
