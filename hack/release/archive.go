package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// documents are the texts that go with a program wherever it goes, and the
// licences that they were made of.
func (p *program) documents(goroot string) ([]treeFile, *licences, error) {
	l, err := licencesOf(p.packages, goroot)
	if err != nil {
		return nil, nil, err
	}
	versions := map[string]string{}
	for _, d := range p.packages {
		versions[d.module] = d.version
	}
	files := []treeFile{{name: "THIRD-PARTY-LICENSES.txt", mode: 0o644, data: l.thirdParty(func(m string) string { return versions[m] })}}
	for _, name := range []string{"LICENSE", "NOTICE"} {
		b, err := p.source.file(name)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, treeFile{name: name, mode: 0o644, data: b})
	}
	return files, l, nil
}

// extras are what a program says of itself: completions and manual pages. A
// program of this machine prints them for all platforms.
func extras(ctx context.Context, host *program, dir string) ([]treeFile, error) {
	run := func(args ...string) ([]byte, error) {
		out, err := host.source.output(ctx, nil, host.path, args...)
		return []byte(out), err
	}
	var files []treeFile
	for shell, name := range map[string]string{"bash": "vedette.bash", "zsh": "_vedette", "fish": "vedette.fish", "powershell": "vedette.ps1"} {
		text, err := run("completion", shell)
		if err != nil {
			return nil, err
		}
		files = append(files, treeFile{name: "completions/" + name, mode: 0o644, data: text})
	}
	pages := filepath.Join(dir, "man1")
	if _, err := run("man", "--dir", pages); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(names) < 10 {
		return nil, fmt.Errorf("%d manual pages in %s: %w", len(names), pages, err)
	}
	for _, n := range names {
		files = append(files, treeFile{name: "man/man1/" + filepath.Base(n), mode: 0o644, from: n})
	}
	return files, nil
}

// archive packs a program with all that goes with it: a zip for Windows, a
// compressed tar for the others. It says its name.
func (p *program) archive(version, goroot string, extra []treeFile) (name string, data []byte, err error) {
	files, _, err := p.documents(goroot)
	if err != nil {
		return "", nil, err
	}
	readme, err := p.source.file("README.md")
	if err != nil {
		return "", nil, err
	}
	files = append(files, treeFile{name: filepath.Base(p.path), mode: 0o755, from: p.path}, treeFile{name: "README.md", mode: 0o644, data: readme})
	files = append(files, extra...)
	stem := p.stem(version)
	for i := range files {
		files[i].name = stem + "/" + files[i].name
	}
	if p.os == "windows" {
		data, err = zipped(files, p.source.date)
		return stem + ".zip", data, err
	}
	data, err = tarGz(files, p.source.date)
	return stem + ".tar.gz", data, err
}

// stem begins the names of all files about a program.
func (p *program) stem(version string) string {
	return fmt.Sprintf("vedette_%s_%s_%s", tagOf(version), p.os, p.arch)
}

// tarGz packs files, each at the same time and with no owner.
func tarGz(files []treeFile, at time.Time) ([]byte, error) {
	b, err := layerTar(files, at)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

func zipped(files []treeFile, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range withFolders(files) {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		h.SetMode(f.mode)
		if strings.HasSuffix(f.name, "/") {
			h.Method = zip.Store
			h.SetMode(f.mode | os.ModeDir)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		data := f.data
		if f.from != "" {
			if data, err = os.ReadFile(f.from); err != nil {
				return nil, err
			}
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

// writeTar writes a tar without compression, in the order of the files.
func writeTar(path string, files []treeFile, at time.Time) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	for _, e := range files {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), ModTime: at, Size: int64(len(e.data)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return errors.Join(err, f.Close())
		}
		if _, err := w.Write(e.data); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Close(), f.Close())
}

// namesIn are the files in a compressed tar.
func namesIn(r io.Reader) (map[string]bool, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names[h.Name] = true
	}
}
