//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasModes says that files have bits for owner, group and others.
const hasModes = true

// writable asks the system, and writes nothing.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

func whoWeAre() string { return fmt.Sprintf("uid %d", os.Geteuid()) }

// ownerOf names the user that a file belongs to.
func ownerOf(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("uid %d", st.Uid)
	}
	return "another user"
}

func isRoots(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == 0
}
