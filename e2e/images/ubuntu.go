package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Ubuntu is what the workshop calls ubuntu: a real distribution with bash, apt
// and dpkg, made of Debian's packages, and what its apt finds on its mirror.
type Ubuntu struct {
	RootFS string // a tar
	Mirror string // a folder to serve as http://archive.ubuntu.com/ubuntu/
}

// ubuntuScript makes both in the folder $1: the packages that "apt install
// curl" needs are those that apt itself would fetch, recommended ones included.
const ubuntuScript = `set -eu
out=$1
mkdir -p "$out/mirror"
mmdebstrap --quiet --mode=root --variant=apt --format=directory --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='mkdir -p "$1/debs/partial" && env -u APT_CONFIG chroot "$1" apt-get install -y -qq --download-only -o APT::Install-Recommends=true -o Dir::Cache::archives=/debs curl' \
  --customize-hook="cp \"\$1\"/debs/*.deb '$out/mirror/' && rm -rf \"\$1/debs\"" \
  bookworm "$out/rootfs" http://deb.debian.org/debian
echo 'deb [trusted=yes] http://archive.ubuntu.com/ubuntu ./' > "$out/rootfs/etc/apt/sources.list"
rm -rf "$out/rootfs/var/lib/apt/lists" "$out/rootfs/dev"
mkdir -p "$out/rootfs/var/lib/apt/lists" "$out/rootfs/dev"
(cd "$out/mirror" && dpkg-scanpackages --multiversion . > Packages 2>/dev/null)
tar --create --file "$out/rootfs.tar" --directory "$out/rootfs" --numeric-owner --sort=name .
rm -rf "$out/rootfs"
`

// MakeUbuntu returns the image's parts from the cache folder, and makes them
// there first. That takes half a minute and a Debian mirror.
func MakeUbuntu(ctx context.Context, cache string, log io.Writer) (Ubuntu, error) {
	sum := sha256.Sum256([]byte(ubuntuScript))
	dir := filepath.Join(cache, "ubuntu-"+hex.EncodeToString(sum[:])[:12])
	u := Ubuntu{RootFS: filepath.Join(dir, "rootfs.tar"), Mirror: filepath.Join(dir, "mirror")}
	if _, err := os.Stat(u.RootFS); err == nil {
		return u, nil
	}
	fmt.Fprintln(log, "making the image ubuntu")
	tmp := fmt.Sprintf("%s.%d", dir, os.Getpid())
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return Ubuntu{}, fmt.Errorf("make the cache of images: %w", err)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", ubuntuScript, "sh", tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		return Ubuntu{}, fmt.Errorf("make the image ubuntu: %w\n%s", err, out)
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, done := os.Stat(u.RootFS); done != nil {
			return Ubuntu{}, fmt.Errorf("put the image ubuntu into the cache: %w", err)
		}
	}
	return u, nil
}

// Image is the image of it, with the shell that Ubuntu's own starts.
func (u Ubuntu) Image() (*Image, error) {
	tarball, err := os.ReadFile(u.RootFS)
	if err != nil {
		return nil, fmt.Errorf("read the image ubuntu: %w", err)
	}
	return pack(tarball, map[string]any{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "Cmd": []string{"/bin/bash"}})
}

// Program is an image of one static program and nothing else.
func Program(path string) (*Image, error) {
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a program for an image: %w", err)
	}
	var buf bytes.Buffer
	name := strings.TrimPrefix(filepath.Base(path), ".")
	if err := tarOne(&buf, name, program); err != nil {
		return nil, err
	}
	return pack(buf.Bytes(), map[string]any{"Env": []string{"PATH=/"}, "Entrypoint": []string{"/" + name}, "WorkingDir": "/"})
}
