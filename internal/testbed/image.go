package testbed

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const busybox = "/bin/busybox"

// imageTar is an OCI image in one file: busybox with a link for each of its
// applets, a few files that programs look for, and more programs of the
// machine by their path in the image.
func imageTar(t testing.TB, name string, programs map[string]string) []byte {
	t.Helper()
	layer := rootTar(t, programs)
	blobs := map[string][]byte{}
	put := func(b []byte, mediaType string) map[string]any {
		sum := sha256.Sum256(b)
		blobs["blobs/sha256/"+hex.EncodeToString(sum[:])] = b
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + hex.EncodeToString(sum[:]), "size": len(b)}
	}
	text := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	layerRef := put(layer, "application/vnd.oci.image.layer.v1.tar")
	config := put(text(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Env": []string{"PATH=/bin:/usr/bin"}, "Cmd": []string{"/bin/sh"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{layerRef["digest"]}},
	}), "application/vnd.oci.image.config.v1+json")
	manifest := put(text(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{layerRef},
	}), "application/vnd.oci.image.manifest.v1+json")
	manifest["annotations"] = map[string]string{"io.containerd.image.name": name}
	blobs["index.json"] = text(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	blobs["oci-layout"] = text(map[string]any{"imageLayoutVersion": "1.0.0"})
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	for path, b := range blobs {
		addFile(t, tw, path, b, 0o644)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func rootTar(t testing.TB, programs map[string]string) []byte {
	t.Helper()
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatalf("list the applets of busybox: %v", err)
	}
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	for _, dir := range []string{"bin/", "etc/", "root/", "usr/", "usr/bin/", "var/", "run/"} {
		addHeader(t, tw, tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755})
	}
	addHeader(t, tw, tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777})
	files := map[string]string{"bin/busybox": busybox}
	for path, from := range programs {
		files[strings.TrimPrefix(path, "/")] = from
	}
	for path, from := range files {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		addFile(t, tw, path, b, 0o755)
	}
	for name := range strings.FieldsSeq(string(applets)) {
		if _, taken := files["bin/"+name]; !taken && name != "busybox" {
			addHeader(t, tw, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"})
		}
	}
	addFile(t, tw, "etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\nshop:x:1000:1000::/:/bin/sh\n"), 0o644)
	addFile(t, tw, "etc/group", []byte("root:x:0:\nshop:x:1000:\n"), 0o644)
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func addFile(t testing.TB, tw *tar.Writer, name string, b []byte, mode int64) {
	t.Helper()
	addHeader(t, tw, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(b))})
	if _, err := tw.Write(b); err != nil {
		t.Fatal(err)
	}
}

func addHeader(t testing.TB, tw *tar.Writer, h tar.Header) {
	t.Helper()
	if err := tw.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
}

// need skips the test for the first program that is not here: pairs of a
// program, or the path of one, and Debian's package.
func need(t testing.TB, pairs ...string) {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if _, err := exec.LookPath(pair[0]); err != nil {
			(&Missing{pair[0], "install it with: apt-get install " + pair[1]}).skip(t)
		}
	}
}
