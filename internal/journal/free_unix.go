//go:build linux || darwin || freebsd

package journal

import "syscall"

// FreeBytes is how much an ordinary user can still write to a file system.
func FreeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
