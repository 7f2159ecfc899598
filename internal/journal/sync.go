package journal

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// syncTree makes a folder durable: the files of messages in it, and every name
// down from the folder's own.
func syncTree(dir string) error {
	if err := syncPath(filepath.Dir(filepath.Clean(dir))); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil // the server has removed it meanwhile
		case err != nil:
			return err
		case d.IsDir() || filepath.Ext(path) == ".blk":
			return syncPath(path)
		}
		return nil
	})
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	return f.Sync()
}
