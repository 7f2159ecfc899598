//go:build unix

package app

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepPrivate takes back what a volume's group was given on a file of our own:
// Kubernetes opens all files of a volume to the pod's fsGroup when it mounts it.
// A file that is open to others stays as it is: whoever reads it refuses it.
func keepPrivate(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o070 == 0 || info.Mode().Perm()&0o007 != 0 {
		return nil
	}
	return os.Chmod(path, info.Mode().Perm()&^0o070)
}
