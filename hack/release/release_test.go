package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"
	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// testPlatforms are those of the test: what people have that is not built for
// the image, too, is built when a release is made.
const testPlatforms = "linux/amd64,linux/arm64"

// TestRelease makes a release, pushes it, and takes it as users do.
func TestRelease(t *testing.T) {
	w := fixed(t)
	server := httptest.NewServer(registry.New(registry.Logger(quiet())))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	out := filepath.Join(t.TempDir(), "out")
	var said bytes.Buffer
	args := []string{"-source", w.checkout, "-version", testVersion, "-key", w.key, "-password-file", w.password, "-out", out, "-platforms", testPlatforms, "-registry", host + "/team", "-push"}
	if err := releaseMain(t.Context(), args, &said, t.Output()); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(out, sumsFile))
	if err != nil || string(list) != said.String() {
		t.Errorf("%v: it said\n%s\nand wrote\n%s", err, said.String(), list)
	}
	checkSums(t, out, string(list))
	checkSignature(t, w, out, list)
	lookIntoArchive(t, filepath.Join(out, "vedette_0.9.8_linux_"+runtime.GOARCH+".tar.gz"))
	lookAtSBOM(t, filepath.Join(out, "vedette_0.9.8_linux_"+runtime.GOARCH+".cdx.json"))
	lookAtProvenance(t, filepath.Join(out, "vedette_0.9.8_provenance.json"), string(list))
	notes, err := os.ReadFile(filepath.Join(out, "RELEASE-NOTES.md"))
	if err != nil || string(notes) != "### Added\n\n- Everything.\n" {
		t.Errorf("release notes %q: %v", notes, err)
	}
	for ref, media := range map[string]string{"/team/vedette:0.9.8": "application/vnd.oci.image.index.v1+json", "/team/charts/vedette:0.9.8": "application/vnd.oci.image.manifest.v1+json"} {
		tag, err := name.ParseReference(host + ref)
		if err != nil {
			t.Fatal(err)
		}
		d, err := remote.Get(tag)
		if err != nil || string(d.MediaType) != media {
			t.Errorf("%s: %+v: %v", ref, d, err)
		}
	}
	if err := releaseMain(t.Context(), args, io.Discard, t.Output()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("into a folder with an old release: %v", err)
	}
}

// checkSums has the tool of users check the sums; all files are in the list.
func checkSums(t *testing.T, dir, list string) {
	t.Helper()
	needs(t, "sha256sum", "coreutils")
	cmd := exec.Command("sha256sum", "--check", "--strict", sumsFile)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, text)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), sumsFile) && !strings.Contains(list, "  "+e.Name()+"\n") {
			t.Errorf("%s is not in %s", e.Name(), sumsFile)
		}
	}
}

// checkSignature verifies with the library, and with minisign itself where it is.
func checkSignature(t *testing.T, w *sharedWork, dir string, list []byte) {
	t.Helper()
	var public minisign.PublicKey
	if err := public.UnmarshalText([]byte(w.public)); err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(filepath.Join(dir, sumsFile+".minisig"))
	if err != nil || !minisign.Verify(public, list, signature) {
		t.Fatalf("the signature is not good: %v", err)
	}
	if minisign.Verify(public, append([]byte("0"), list...), signature) {
		t.Error("it is good for something else, too")
	}
	t.Run("minisign", func(t *testing.T) {
		needs(t, "minisign", "minisign")
		key := filepath.Join(t.TempDir(), "release-key.pub")
		write(t, key, w.public)
		verify := func() ([]byte, error) {
			cmd := exec.Command("minisign", "-V", "-p", key, "-m", sumsFile)
			cmd.Dir = dir
			return cmd.CombinedOutput()
		}
		if text, err := verify(); err != nil || !bytes.Contains(text, []byte("vedette "+testVersion+" "+sumsFile)) {
			t.Errorf("%v\n%s", err, text)
		}
		write(t, filepath.Join(dir, sumsFile), string(list)+"\n")
		if text, err := verify(); err == nil {
			t.Errorf("it takes a list that was changed:\n%s", text)
		}
		write(t, filepath.Join(dir, sumsFile), string(list))
	})
}

// lookIntoArchive runs the program that is in it.
func lookIntoArchive(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := files(t, z)
	stem := strings.TrimSuffix(filepath.Base(path), ".tar.gz") + "/"
	for _, want := range []string{"LICENSE", "NOTICE", "README.md", "THIRD-PARTY-LICENSES.txt", "completions/_vedette", "completions/vedette.bash", "completions/vedette.fish", "man/man1/vedette.1", "man/man1/vedette-keys-create.1"} {
		if len(in[stem+want].data) == 0 {
			t.Errorf("%s lacks %s", path, want)
		}
	}
	program := filepath.Join(t.TempDir(), "vedette")
	if err := os.WriteFile(program, in[stem+"vedette"].data, in[stem+"vedette"].FileInfo().Mode()); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(program, "version").Output()
	if err != nil || !strings.HasPrefix(string(text), "vedette "+testVersion+" (") || strings.Contains(string(text), "development") {
		t.Errorf("vedette version: %v\n%s", err, text)
	}
	if !bytes.Contains(in[stem+"man/man1/vedette.1"].data, []byte(`"2026-11-24" "vedette `+testVersion+`"`)) {
		t.Errorf("the manual page begins %.200s", in[stem+"man/man1/vedette.1"].data)
	}
}

// lookAtSBOM reads it back, and wants a licence for each part.
func lookAtSBOM(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(b), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SpecVersion != cdx.SpecVersion1_6 || bom.Metadata.Component.Version != testVersion || len(*bom.Components) < 40 {
		t.Errorf("%v of %+v with %d parts", bom.SpecVersion, bom.Metadata.Component, len(*bom.Components))
	}
	for _, c := range *bom.Components {
		if c.Licenses == nil || c.Version == "" || c.PackageURL == "" {
			t.Errorf("%s %s: licence %v, purl %q", c.Name, c.Version, c.Licenses, c.PackageURL)
		}
	}
}

// lookAtProvenance wants a subject for each file that was there before it.
func lookAtProvenance(t *testing.T, path, list string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var st statement
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range st.Subject {
		names = append(names, s.Name)
		if !strings.Contains(list, s.Digest["sha256"]+"  "+s.Name+"\n") {
			t.Errorf("the provenance is of another %s", s.Name)
		}
	}
	if !slices.Contains(names, "vedette_0.9.8_linux_amd64.tar.gz") || !slices.Contains(names, "vedette-0.9.8.tgz") || st.PredicateType != provenanceType {
		t.Errorf("the provenance is of %q", names)
	}
	if d := st.Predicate.BuildDefinition.ResolvedDependencies; len(d) < 40 || len(d[0].Digest["gitCommit"]) != 40 || len(d[1].Digest["dirHash"]) != 64 {
		t.Errorf("%d dependencies, first %+v", len(d), d[:min(2, len(d))])
	}
}

// TestReleaseRefuses: what keeps a release from being made says so before
// anything is built.
func TestReleaseRefuses(t *testing.T) {
	w := fixed(t)
	other := filepath.Join(t.TempDir(), "other")
	_, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := secret.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	write(t, other, string(text))
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no key":         {nil, "-key is missing"},
		"no password":    {[]string{"-key", w.key}, "has a password"},
		"another key":    {[]string{"-key", other}, "is not the secret of docs/release-key.pub"},
		"wrong password": {[]string{"-key", w.key, "-password-file", other}, "-key"},
		"no such tag":    {[]string{"-version", "v0.9.9"}, "has no tag v0.9.9"},
		"argument":       {[]string{"now"}, "takes no arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			err := releaseMain(t.Context(), append([]string{"-source", w.checkout, "-version", testVersion, "-out", out}, tc.args...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was made", out)
			}
		})
	}
}

// TestArchivesAreTheSame: what is packed twice is the same, in both forms.
func TestArchivesAreTheSame(t *testing.T) {
	a := []treeFile{{name: "x/vedette", mode: 0o755, data: []byte("#!")}, {name: "x/LICENSE", mode: 0o644, data: []byte("text")}}
	b := []treeFile{a[1], a[0]}
	for name, pack := range map[string]func([]treeFile) ([]byte, error){
		"tar": func(f []treeFile) ([]byte, error) { return tarGz(f, baseTime()) }, "zip": func(f []treeFile) ([]byte, error) { return zipped(f, baseTime()) },
	} {
		one, err1 := pack(a)
		two, err2 := pack(b)
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(one, two) {
			t.Errorf("%s: the order of files matters: %v", name, err)
		}
	}
	z, err := zipped(a, baseTime())
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil || len(r.File) != 3 || r.File[2].Mode() != 0o755 {
		t.Errorf("%v: %d files", err, len(r.File))
	}
}

func TestExpression(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                  "Apache-2.0",
		"Permission is hereby granted, free of charge,\nto any person obtaining a copy": "MIT",
		"Redistribution and use in source and binary forms":                             "BSD-2-Clause",
		"Redistribution and use in source and binary forms. Neither the names of the authors nor the\nnames of the contributors may be used to endorse or promote": "BSD-3-Clause",
		"all rights reserved": "",
	} {
		if got := expression([]string{text}); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("Apache License, Version 2.0")
	f.Fuzz(func(t *testing.T, text string) { _ = expression([]string{text}) })
}
