// Package images serves container images to the test node.
//
// A node without a network still pulls: "kubectl run nginx --image=nginx" asks
// for the newest image by default. So the harness is the registry, and
// whatever name is asked for, the answer is one small image made of a static
// busybox that stays up until it is told to end.
package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// Image is one image in the parts a registry hands out.
type Image struct {
	manifest []byte
	blobs    map[string][]byte // by digest
}

// stayUp ends at once when the pod is deleted. A bare sleep as process 1 would
// ignore the signal and hold every deletion for its grace period.
func stayUp() []string {
	return []string{"/bin/sh", "-c", `trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done`}
}

// Busybox is an image of a static busybox under the names of its programs.
func Busybox(path string) (*Image, error) {
	tarball, err := rootfs(path)
	if err != nil {
		return nil, err
	}
	return pack(tarball, map[string]any{"Env": []string{"PATH=/bin:/usr/bin:/usr/sbin"}, "Cmd": stayUp()})
}

// pack makes an image of one layer. That is not compressed: it never leaves
// the machine.
func pack(layer []byte, settings map[string]any) (*Image, error) {
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       settings,
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the image's config: %w", err)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     typeManifest,
		"config":        descriptor(typeConfig, config),
		"layers":        []any{descriptor(typeLayer, layer)},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the image's manifest: %w", err)
	}
	return &Image{manifest: manifest, blobs: map[string][]byte{
		digest(manifest): manifest, digest(config): config, digest(layer): layer,
	}}, nil
}

// tarOne packs one program.
func tarOne(w io.Writer, name string, program []byte) error {
	tw := tar.NewWriter(w)
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(program))})
	if err == nil {
		_, err = tw.Write(program)
	}
	if err == nil {
		err = tw.Close()
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	return nil
}

// rootfs is a tar of a file system with busybox, a link for each of its
// applets, and the few files that programs look for.
func rootfs(busybox string) ([]byte, error) {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return nil, fmt.Errorf("read busybox: %w", err)
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list the applets of busybox: %w", err)
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	add := func(h tar.Header, data []byte) {
		h.Size = int64(len(data))
		if err == nil {
			err = tw.WriteHeader(&h)
		}
		if err == nil {
			_, err = tw.Write(data)
		}
	}
	for _, dir := range []string{"bin", "etc", "root", "usr", "usr/bin", "usr/sbin", "var", "var/log"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	for name := range strings.FieldsSeq(string(applets)) {
		if name != "busybox" && name != "bash" {
			add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, nil)
		}
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/bash", Mode: 0o755}, []byte("#!/bin/sh\nexec /bin/sh \"$@\"\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\n"))
	if err == nil {
		err = tw.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack the root file system: %w", err)
	}
	return buf.Bytes(), nil
}

func descriptor(mediaType string, b []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest(b), "size": len(b)}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
