package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// openFile reads a file below one of the permitted folders. Links may not lead
// out of them, whoever made them.
func (l *Lists) openFile(path, mark string) (source, error) {
	for _, folder := range l.Folders {
		rel, err := filepath.Rel(folder, filepath.FromSlash(path))
		if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			continue
		}
		return openBelow(folder, rel, mark)
	}
	if len(l.Folders) == 0 {
		return source{}, errors.New("lists may not be read from files here; the server's configuration names the folders that they may be in")
	}
	return source{}, fmt.Errorf("%s is in none of the folders that lists may be in: %s", path, strings.Join(l.Folders, ", "))
}

func openBelow(folder, rel, mark string) (source, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return source{}, err
	}
	defer root.Close()
	info, err := root.Stat(rel) // before it is opened: opening a pipe would wait for who writes to it
	if err != nil {
		return source{}, fmt.Errorf("read %s: %w", filepath.Join(folder, rel), err)
	}
	if !info.Mode().IsRegular() {
		return source{}, fmt.Errorf("read %s: it is no regular file", filepath.Join(folder, rel))
	}
	f, err := root.Open(rel)
	if err != nil {
		return source{}, fmt.Errorf("read %s: %w", filepath.Join(folder, rel), err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return source{}, err
	}
	now := markOf(fmt.Sprint(info.Size()), info.ModTime().UTC().Format(time.RFC3339Nano))
	if now == mark {
		f.Close()
		return source{}, errSame
	}
	return source{body: f, size: info.Size(), mark: now}, nil
}
