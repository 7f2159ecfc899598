package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// madeImage is an image that was made and pushed by the command.
type madeImage struct {
	once   sync.Once
	out    string // folder
	ref    string // in the registry
	server *httptest.Server
	said   string
}

// imageOnce is the one of this process.
var imageOnce madeImage

// theImage makes the image of both architectures, and pushes it to a registry
// that can list referrers.
func theImage(t *testing.T) *madeImage {
	t.Helper()
	w := fixed(t)
	m := &imageOnce
	m.once.Do(func() {
		m.server = httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet())))
		m.ref = strings.TrimPrefix(m.server.URL, "http://") + "/team/vedette:0.9.8"
		var said bytes.Buffer
		out := filepath.Join(w.dir, "image")
		if err := imageMain(t.Context(), []string{"-source", w.checkout, "-out", out, "-push", m.ref}, &said, t.Output()); err != nil {
			t.Fatal(err)
		}
		m.out, m.said = out, said.String()
	})
	if m.out == "" {
		t.Fatal("the image could not be made; another test says why")
	}
	return m
}

// sums are the SHA-256 of the files of a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		out[e.Name()] = hex.EncodeToString(sum[:])
	}
	return out
}

// TestImageIsReproducible: another clone in another folder, with other
// settings of Go, gives the same bytes.
func TestImageIsReproducible(t *testing.T) {
	first := theImage(t)
	dir := filepath.Join(t.TempDir(), "some", "where", "else")
	git(t, t.TempDir(), "clone", "-q", fixed(t).checkout, dir)
	t.Setenv("GOFLAGS", "-race")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	out := t.TempDir()
	if err := imageMain(t.Context(), []string{"-source", dir, "-out", out}, io.Discard, t.Output()); err != nil {
		t.Fatal(err)
	}
	a, b := sums(t, first.out), sums(t, out)
	if len(a) < 6 || !maps.Equal(a, b) {
		t.Errorf("two builds differ:\n%v\n%v", a, b)
	}
}

// files are those of a tar.
func files(t *testing.T, r io.Reader) map[string]tarEntry {
	t.Helper()
	out := map[string]tarEntry{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = tarEntry{h, b}
	}
}

type tarEntry struct {
	*tar.Header
	data []byte
}

func pulled(t *testing.T, m *madeImage) (v1.ImageIndex, name.Reference) {
	t.Helper()
	ref, err := name.ParseReference(m.ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	return index, ref
}

// TestImageFromRegistry pulls what was pushed, and looks at it as a user does.
func TestImageFromRegistry(t *testing.T) {
	m := theImage(t)
	index, ref := pulled(t, m)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.said, digest.String()+"  "+defaultName+":0.9.8\n") {
		t.Errorf("the command said %q, the registry has %s", m.said, digest)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, d := range manifest.Manifests {
		of = append(of, d.Platform.String())
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		lookInto(t, img)
		refersTo(t, ref, d.Digest, sbomType, intotoType)
	}
	if !slices.Equal(of, []string{"linux/amd64", "linux/arm64/v8"}) {
		t.Errorf("platforms %q", of)
	}
	for _, document := range refersTo(t, ref, digest, intotoType) {
		var st statement
		if err := json.Unmarshal(document, &st); err != nil {
			t.Fatal(err)
		}
		if st.Subject[0].Digest["sha256"] != digest.Hex || st.Predicate.BuildDefinition.ExternalParameters["version"] != testVersion || len(st.Subject) != 3 {
			t.Errorf("the provenance is of %+v", st.Subject)
		}
	}
}

// lookInto looks at the configuration and the files of one image.
func lookInto(t *testing.T, img v1.Image) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/usr/local/bin/vedette"}) ||
		c.Labels["org.opencontainers.image.version"] != "0.9.8" || len(c.Labels["org.opencontainers.image.revision"]) != 40 {
		t.Errorf("configuration %+v", c)
	}
	root := mutate.Extract(img)
	defer root.Close()
	in := files(t, root)
	pool := x509.NewCertPool()
	roots := in["etc/ssl/certs/ca-certificates.crt"].data
	if n := bytes.Count(roots, []byte("BEGIN CERTIFICATE")); n < 80 || !pool.AppendCertsFromPEM(roots) {
		t.Errorf("%d public certificate authorities", n)
	}
	for path, want := range map[string]struct {
		mode int64
		uid  int
	}{"usr/local/bin/vedette": {0o755, 0}, "tmp": {0o1777, user}, "var/lib/vedette": {0o700, user}, "etc/passwd": {0o644, 0}, "usr/share/doc/vedette/LICENSE": {0o644, 0}} {
		e, ok := in[path]
		if !ok {
			e, ok = in[path+"/"]
		}
		if !ok || e.Mode != want.mode || e.Uid != want.uid || e.Gid != want.uid {
			t.Errorf("%s: %+v, want mode %o of %d", path, e.Header, want.mode, want.uid)
		}
	}
	for _, text := range []string{"modernc.org/sqlite v", "github.com/nats-io/nats-server/v2 v", "Permission is hereby granted", "Redistribution and use in source", "Apache License"} {
		if !bytes.Contains(in["usr/share/doc/vedette/THIRD-PARTY-LICENSES.txt"].data, []byte(text)) {
			t.Errorf("the licences of others lack %q", text)
		}
	}
	for path := range in {
		if strings.Contains(path, "bin/") && !strings.HasSuffix(path, "vedette") && !strings.HasSuffix(path, "bin/") {
			t.Errorf("there is another program in it: %s", path)
		}
	}
}

// refersTo are the documents that refer to a digest, as a registry lists them;
// one of each kind is wanted.
func refersTo(t *testing.T, ref name.Reference, digest v1.Hash, kinds ...string) (out [][]byte) {
	t.Helper()
	list, err := remote.Referrers(ref.Context().Digest(digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := list.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range manifest.Manifests {
		img, err := remote.Image(ref.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		// The registry of this test lists the type of the configuration in its place.
		m, err := img.Manifest()
		if err != nil || m.Subject == nil || m.Subject.Digest != digest {
			t.Fatalf("%s refers to %+v, want %s: %v", d.Digest, m.Subject, digest, err)
		}
		got = append(got, m.ArtifactType)
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("%d layers: %v", len(layers), err)
		}
		r, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !json.Valid(b) {
			t.Fatalf("%s is no JSON: %v", d.ArtifactType, err)
		}
		out = append(out, b)
	}
	slices.Sort(got)
	slices.Sort(kinds)
	if !slices.Equal(got, kinds) {
		t.Errorf("%q refer to %s, want %q", got, digest, kinds)
	}
	return out
}

// TestPushedOnce: the same may be pushed again, something else may not.
func TestPushedOnce(t *testing.T) {
	m := theImage(t)
	index, ref := pulled(t, m)
	same := &image{name: defaultName, tag: "0.9.8", index: index}
	if err := same.push(t.Context(), m.ref); err != nil {
		t.Errorf("the same again: %v", err)
	}
	other := &image{name: defaultName, tag: "0.9.8", index: mutate.Annotations(index, map[string]string{"a": "b"}).(v1.ImageIndex)}
	if err := other.push(t.Context(), m.ref); err == nil || !strings.Contains(err.Error(), "never pushed twice") {
		t.Errorf("something else under the same tag: %v", err)
	}
	after, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	if was, err := index.Digest(); err != nil || after.Digest != was {
		t.Errorf("the tag was moved: %v", err)
	}
}

// TestLayout: every blob is what its name says, and nothing is missing.
func TestLayout(t *testing.T) {
	m := theImage(t)
	for _, n := range []string{"vedette_0.9.8_image.oci.tar", "vedette_0.9.8_image_linux_amd64.tar", "vedette_0.9.8_image_linux_arm64.tar"} {
		b, err := os.ReadFile(filepath.Join(m.out, n))
		if err != nil {
			t.Fatal(err)
		}
		in := files(t, bytes.NewReader(b))
		for path, e := range in {
			if hash, ok := strings.CutPrefix(path, "blobs/sha256/"); ok {
				if sum := sha256.Sum256(e.data); hex.EncodeToString(sum[:]) != hash {
					t.Errorf("%s: %s is something else", n, path)
				}
			}
			for _, mark := range bytes.Split(e.data, []byte(`"digest":"sha256:`))[1:] {
				if len(e.data) < 100_000 && json.Valid(e.data) && bytes.HasPrefix(e.data, []byte(`{"schemaVersion"`)) {
					if _, ok := in["blobs/sha256/"+string(mark[:64])]; !ok {
						t.Errorf("%s: %s names %s, which is not there", n, path, mark[:64])
					}
				}
			}
		}
		if !json.Valid(in["index.json"].data) || !bytes.Contains(in["index.json"].data, []byte(defaultName+":0.9.8")) {
			t.Errorf("%s: index.json is %s", n, in["index.json"].data)
		}
	}
}
