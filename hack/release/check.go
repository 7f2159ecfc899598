package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"aead.dev/minisign"
)

// publicKeyFile is the project's public key in the source.
const publicKeyFile = "docs/release-key.pub"

// fit says everything that keeps a checkout from being a version.
func (s *source) fit(version string) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("-version %q is none: write it as v1.2.3, or v1.2.3-rc.1 before it", version)
	}
	var errs []error
	if major, _, _ := strings.Cut(version, "."); major != "v0" && major != "v1" {
		errs = append(errs, fmt.Errorf("-version %s: the module's path must end in /%s, or the Go command does not take the tag for a version", version, major))
	}
	if len(s.dirty) > 0 {
		errs = append(errs, fmt.Errorf("%d files differ from the commit, such as %s: commit them, or remove them", len(s.dirty), s.dirty[0]))
	}
	if !s.tagged(version) {
		errs = append(errs, fmt.Errorf("the commit %.12s has no tag %s: the version comes from it; make it with: git tag -s %[2]s", s.commit, version))
	}
	errs = append(errs, s.fitChangelog(version), s.fitModule(), s.fitFixtures(version))
	return errors.Join(errs...)
}

// section is one version of the change log.
type section struct{ version, date, text string }

var heading = regexp.MustCompile(`(?m)^## \[?v?([^\]\s]+)\]?(?: - (\S+))?[ \t]*$`)

// sections cuts the change log at its headings of second level.
func sections(text string) (out []section) {
	marks := heading.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		sec := section{version: text[m[2]:m[3]], text: strings.TrimSpace(text[m[1]:end])}
		if m[4] >= 0 {
			sec.date = text[m[4]:m[5]]
		}
		out = append(out, sec)
	}
	return out
}

// notes are what the change log says of a version.
func (s *source) notes(version string) (string, error) {
	b, err := s.file("CHANGELOG.md")
	if err != nil {
		return "", err
	}
	for _, sec := range sections(string(b)) {
		if sec.version == tagOf(version) {
			return sec.text, nil
		}
	}
	return "", fmt.Errorf("CHANGELOG.md has no section for %s: write one, as in `## %s - 2026-12-24`", version, tagOf(version))
}

func (s *source) fitChangelog(version string) error {
	text, err := s.notes(version)
	if err != nil {
		return err
	}
	if text == "" {
		return fmt.Errorf("CHANGELOG.md: the section of %s is empty", version)
	}
	b, err := s.file("CHANGELOG.md")
	if err != nil {
		return err
	}
	for _, sec := range sections(string(b)) {
		switch {
		case sec.version == "Unreleased" && sec.text != "":
			return fmt.Errorf("CHANGELOG.md: what stands under Unreleased is part of %s: move it there", version)
		case sec.version == tagOf(version) && !day.MatchString(sec.date):
			return fmt.Errorf("CHANGELOG.md: the section of %s needs its date, as in `## %s - 2026-12-24`", version, tagOf(version))
		}
	}
	return nil
}

var day = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// fitModule refuses what `go install` would.
func (s *source) fitModule() error {
	b, err := s.file("go.mod")
	if err != nil {
		return err
	}
	if regexp.MustCompile(`(?m)^\s*(replace|exclude)\b`).Match(b) {
		return errors.New("go.mod: go install refuses a module with replace or exclude")
	}
	return nil
}

// fitFixtures wants, of each version before this one, a store that the tests
// open with today's program. Candidates have none.
func (s *source) fitFixtures(version string) error {
	b, err := s.file("CHANGELOG.md")
	if err != nil {
		return err
	}
	var errs []error
	for _, sec := range sections(string(b)) {
		v := "v" + sec.version
		if v == version || !versionForm.MatchString(v) || strings.Contains(v, "-") {
			continue
		}
		dir := filepath.Join("internal", "store", "testdata", "releases", v)
		if _, err := os.Stat(filepath.Join(s.dir, dir)); err != nil {
			errs = append(errs, fmt.Errorf("%s is missing: the upgrade from %s is not tested; docs/releasing.md says how it is made", filepath.ToSlash(dir), v))
		}
	}
	return errors.Join(errs...)
}

// fitKey wants the key that the documentation shows to users.
func (s *source) fitKey(key minisign.PrivateKey) error {
	text, err := s.file(publicKeyFile)
	if err != nil {
		return fmt.Errorf("the project's public key is not in the source: %w; docs/releasing.md says how it gets there", err)
	}
	var public minisign.PublicKey
	if err := public.UnmarshalText(text); err != nil {
		return fmt.Errorf("%s: %w", publicKeyFile, err)
	}
	if !public.Equal(key.Public()) {
		return fmt.Errorf("-key is not the secret of %s: users could not verify the signature", publicKeyFile)
	}
	return nil
}

func checkMain(ctx context.Context, args []string, out io.Writer) error {
	f := flags("check", out)
	dir := f.String("source", "../..", "root of the checkout")
	version := f.String("version", "", "version that it is to be, such as v0.2.0")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := noMore(f); err != nil {
		return err
	}
	s, err := openSource(ctx, *dir)
	if err != nil {
		return err
	}
	if err := s.fit(*version); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%.12s can be released as %s\n", s.commit, *version)
	return err
}
