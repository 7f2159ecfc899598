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
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// image is one image in the parts a registry hands out.
type image struct {
	manifest []byte
	blobs    map[string][]byte // by digest
}

// stayUp ends at once when the pod is deleted. A bare sleep as process 1 would
// ignore the signal and hold every deletion for its grace period.
func stayUp() []string {
	return []string{"/bin/sh", "-c", `trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done`}
}

func build(busybox string) (*image, error) {
	tarball, err := rootfs(busybox)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	zw := gzip.NewWriter(&layer)
	if _, err := zw.Write(tarball); err != nil {
		return nil, fmt.Errorf("compress the layer: %w", err)
	}
	if err := zw.Close(); err != nil {
		return nil, fmt.Errorf("compress the layer: %w", err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Env": []string{"PATH=/bin:/usr/bin:/usr/sbin"}, "Cmd": stayUp()},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{digest(tarball)}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the image's config: %w", err)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     typeManifest,
		"config":        descriptor(typeConfig, config),
		"layers":        []any{descriptor(typeLayer, layer.Bytes())},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the image's manifest: %w", err)
	}
	return &image{manifest: manifest, blobs: map[string][]byte{
		digest(manifest): manifest, digest(config): config, digest(layer.Bytes()): layer.Bytes(),
	}}, nil
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
