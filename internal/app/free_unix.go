//go:build linux || darwin || freebsd

package app

import "syscall"

// FreeBytes is how much an ordinary user can still write to the file system of
// a folder.
func FreeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
