package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"aead.dev/minisign"
)

// testVersion is what the work tree is released as in tests.
const testVersion = "v0.9.8"

// lack skips a test for what this machine does not have; with CI=true it
// fails it.
func lack(t *testing.T, what, remedy string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI lacks what this test needs: %s: %s", what, remedy)
	}
	t.Skipf("this machine lacks what this test needs: %s: %s", what, remedy)
}

func needs(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if _, err := exec.LookPath(pairs[i]); err != nil {
			lack(t, pairs[i], "install it with: apt-get install "+pairs[i+1])
		}
	}
}

// checkout is a repository of its own with the files of the work tree,
// committed and tagged as a version: tests neither depend on what is committed
// nor change anything here.
func checkout(t *testing.T, change map[string]string) string {
	t.Helper()
	needs(t, "git", "git")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatalf("list the files of the work tree: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(dir, name))
	}
	for name, text := range change {
		write(t, filepath.Join(dir, name), text)
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "All of it.")
	git(t, dir, "tag", testVersion)
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Lstat(from)
	if os.IsNotExist(err) {
		return // removed, and not committed yet
	}
	if err != nil {
		t.Fatal(err)
	}
	if !info.Mode().IsRegular() {
		return
	}
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, info.Mode().Perm()|fs.FileMode(0o200)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// git runs in a repository of a test, with nobody's settings and one time.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE=2026-11-24T12:00:00Z",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE=2026-11-24T12:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// changelog is one that a release can be made of.
func changelog() string {
	return "# Changelog\n\n## Unreleased\n\n## " + testVersion[1:] + " - 2026-11-24\n\n### Added\n\n- Everything.\n"
}

// shared is what several tests use: it is made by the first that asks, and
// only read.
type sharedWork struct {
	once     sync.Once
	dir      string
	checkout string // a clean clone
	password string // file with that of the key
	key      string // file
	public   string // text of the public key
}

// work is the one of this process.
var work sharedWork

// fixed is a clean checkout, tagged as the version, with the key that the
// release is signed with.
func fixed(t *testing.T) *sharedWork {
	t.Helper()
	work.once.Do(func() {
		var err error
		if work.dir, err = os.MkdirTemp("", "vedette-release-test-"); err != nil {
			t.Fatal(err)
		}
		work.key, work.password = filepath.Join(work.dir, "key"), filepath.Join(work.dir, "password")
		public, secret, err := minisign.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := minisign.EncryptKey("correct horse", secret)
		if err != nil {
			t.Fatal(err)
		}
		write(t, work.key, string(text)+"\n")
		write(t, work.password, "correct horse\n")
		line, err := public.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		work.public = string(line) + "\n"
		made := checkout(t, map[string]string{"CHANGELOG.md": changelog(), publicKeyFile: work.public})
		work.checkout = filepath.Join(work.dir, "checkout")
		git(t, work.dir, "clone", "-q", made, work.checkout)
	})
	if work.checkout == "" {
		t.Fatal("the checkout could not be made; another test says why")
	}
	return &work
}

func TestMain(m *testing.M) {
	code := m.Run()
	if work.dir != "" {
		_ = os.RemoveAll(work.dir) // the system clears it, too
	}
	os.Exit(code)
}
