package ingest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Waiting is how many bytes of a followed log are behind the position that was
// stored for it: what is left of the file of the position, and what newer files of the
// log hold. Those that were compressed count as large as they are.
func Waiting(path string, stored []byte) (int64, error) {
	var pos position
	if stored != nil {
		if err := json.Unmarshal(stored, &pos); err != nil {
			return 0, fmt.Errorf("the position in %s: %w", path, err)
		}
	}
	f := follower{FollowOptions: FollowOptions{Path: path}}
	dir, base := filepath.Split(path)
	list, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return 0, fmt.Errorf("look for what waits of a log: %w", err)
	}
	var n int64
	for _, e := range list {
		current := e.Name() == base
		if !current && (pos.Inode == 0 || !f.isRotated(e.Name())) {
			continue
		}
		st, err := os.Stat(filepath.Join(dir, e.Name()))
		switch {
		case err != nil || !st.Mode().IsRegular(): // it is being rotated
		case inode(st) == pos.Inode && st.Size() >= pos.Offset:
			n += st.Size() - pos.Offset
		case current || st.ModTime().After(time.Unix(0, pos.Modified)):
			n += st.Size()
		}
	}
	return n, nil
}

// FollowCursor is the name of the position of a log that one machine follows.
func FollowCursor(path string) string { return (&FollowOptions{Path: path}).cursorName() }
