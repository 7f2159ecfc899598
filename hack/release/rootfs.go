package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// user is who the image runs as: nobody's number on usual systems, and the one
// that other images without a shell use.
const user = 65532

// treeFile is one entry of a layer or an archive.
type treeFile struct {
	name string // a folder ends with /
	mode fs.FileMode
	data []byte
	from string // a file of this machine, in place of data
	uid  int    // and gid
}

// baseFiles are all of the image but the program. They change seldom, so that
// nodes that have an older image need not fetch them again.
func baseFiles() ([]treeFile, error) {
	roots, err := authorities()
	if err != nil {
		return nil, err
	}
	return []treeFile{
		{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0:root:/:/sbin/nologin\nvedette:x:65532:65532:vedette:/var/lib/vedette:/sbin/nologin\n")},
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\nvedette:x:65532:\n")},
		{name: "etc/nsswitch.conf", mode: 0o644, data: []byte("hosts: files dns\n")},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots},
		{name: "etc/vedette/vedette.yaml", mode: 0o644, data: []byte(defaultConfig)},
		{name: "host/", mode: 0o755},
		{name: "tmp/", mode: 0o1777, uid: user},
		{name: "var/lib/vedette/", mode: 0o700, uid: user},
		{name: "var/lib/vedette-sensor/", mode: 0o700},
	}, nil
}

// defaultConfig lets the image run by itself, with a volume and no more. What
// is mounted over it takes its place.
const defaultConfig = `# The configuration of the image, unless another one is mounted here.
server:
  listen: ":8700"
  metricsListen: ":8701"
  tls:
    auto: true
store:
  dataDir: /var/lib/vedette
`

// layerTar packs files, with the folders that lead to them, in the order of
// their names. Everything has one time.
func layerTar(files []treeFile, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range withFolders(files) {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode.Perm()), ModTime: at, Uid: f.uid, Gid: f.uid, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if f.mode&0o1000 != 0 {
			h.Mode |= 0o1000
		}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		data := f.data
		if f.from != "" {
			b, err := os.ReadFile(f.from)
			if err != nil {
				return nil, err
			}
			data = b
		}
		h.Size = int64(len(data))
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// withFolders adds the folders that are not named and sorts by name, so that a
// folder comes before what is in it.
func withFolders(files []treeFile) []treeFile {
	have := map[string]bool{}
	for _, f := range files {
		have[f.name] = true
	}
	all := slices.Clone(files)
	for _, f := range files {
		for dir := path.Dir(strings.TrimSuffix(f.name, "/")); dir != "."; dir = path.Dir(dir) {
			if !have[dir+"/"] {
				have[dir+"/"] = true
				all = append(all, treeFile{name: dir + "/", mode: 0o755})
			}
		}
	}
	slices.SortFunc(all, func(a, b treeFile) int { return strings.Compare(a.name, b.name) })
	return all
}
