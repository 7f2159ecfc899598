package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func sourceOf(t *testing.T, dir string) *source {
	t.Helper()
	s, err := openSource(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// small is a repository with the few files that the checks look at.
func small(t *testing.T, files map[string]string) string {
	t.Helper()
	needs(t, "git", "git")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module "+module+"\n\ngo 1.26.0\n")
	write(t, filepath.Join(dir, "CHANGELOG.md"), changelog())
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "x")
	return dir
}

func TestFit(t *testing.T) {
	dir := small(t, nil)
	git(t, dir, "tag", testVersion)
	if err := sourceOf(t, dir).fit(testVersion); err != nil {
		t.Error(err)
	}
}

func TestUnfit(t *testing.T) {
	older := changelog() + "\n## 0.1.0 - 2026-11-01\n\n- The first.\n"
	for name, tc := range map[string]struct {
		files, later map[string]string // committed, and not
		tag, version string
		says         string
	}{
		"no version":            {tag: testVersion, version: "0.9.8", says: "write it as v1.2.3"},
		"leading zero":          {tag: "v1.02.3", version: "v1.02.3", says: "write it as v1.2.3"},
		"another major version": {tag: "v2.0.0", version: "v2.0.0", says: "must end in /v2"},
		"no tag":                {version: testVersion, says: "has no tag v0.9.8"},
		"another tag":           {tag: "v1.0.0", version: testVersion, says: "has no tag v0.9.8"},
		"changed file":          {later: map[string]string{"go.mod": "module " + module + "\n"}, tag: testVersion, version: testVersion, says: "go.mod: commit them"},
		"new file":              {later: map[string]string{"x.go": "package x\n"}, tag: testVersion, version: testVersion, says: "x.go: commit them"},
		"no section":            {files: map[string]string{"CHANGELOG.md": "# Changelog\n\n## Unreleased\n"}, tag: testVersion, version: testVersion, says: "no section for v0.9.8"},
		"empty section":         {files: map[string]string{"CHANGELOG.md": "## Unreleased\n\n## 0.9.8 - 2026-11-24\n\n"}, tag: testVersion, version: testVersion, says: "the section of v0.9.8 is empty"},
		"no date":               {files: map[string]string{"CHANGELOG.md": "## Unreleased\n\n## 0.9.8\n\n- A.\n"}, tag: testVersion, version: testVersion, says: "needs its date"},
		"left under Unreleased": {files: map[string]string{"CHANGELOG.md": "## Unreleased\n\n- B.\n\n## 0.9.8 - 2026-11-24\n\n- A.\n"}, tag: testVersion, version: testVersion, says: "move it there"},
		"replace":               {files: map[string]string{"go.mod": "module " + module + "\n\nreplace a.example/b => ../b\n"}, tag: testVersion, version: testVersion, says: "refuses a module with replace"},
		"upgrade not tested":    {files: map[string]string{"CHANGELOG.md": older}, tag: testVersion, version: testVersion, says: "releases/v0.1.0 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := small(t, tc.files)
			if tc.tag != "" {
				git(t, dir, "tag", tc.tag)
			}
			for file, text := range tc.later {
				write(t, filepath.Join(dir, file), text)
			}
			err := sourceOf(t, dir).fit(tc.version)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

// TestThisChangelog: the form of the real one is what the checks understand.
func TestThisChangelog(t *testing.T) {
	b, err := (&source{dir: "../.."}).file("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	all := sections(string(b))
	if len(all) == 0 || all[0].version != "Unreleased" {
		t.Fatalf("the first section is %+v, want Unreleased", all)
	}
	for _, sec := range all[1:] {
		if !versionForm.MatchString("v"+sec.version) || !day.MatchString(sec.date) || sec.text == "" {
			t.Errorf("section %q of %q is no version with a date and a text", sec.version, sec.date)
		}
	}
}

func FuzzSections(f *testing.F) {
	f.Add(changelog())
	f.Add("## [1.0.0] - 2026-01-01\n## \n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range sections(text) {
			if !strings.Contains(text, s.text) || s.version == "" {
				t.Errorf("%+v is not of the text", s)
			}
		}
	})
}
