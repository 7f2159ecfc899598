package proc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openInside opens a file below a root as a process with that root would see
// it: symbolic links, absolute ones too, stay inside, and links that the
// kernel makes up, as in /proc, are not followed. No other file system that
// is mounted there is entered unless mounts is set: one that a container has
// mounted may never answer. The file must be a regular one, and opening a pipe
// instead does not wait.
func openInside(in Root, path string, mounts bool) (*os.File, error) {
	root := in.Path
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", root, err)
	}
	defer unix.Close(dir)
	if at, err := dirOf(dir); err != nil || in.node != (Dir{}) && at == in.node {
		return nil, fmt.Errorf("%s is the node's root, not a container's (%v)", root, err)
	}
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	if !mounts {
		how.Resolve |= unix.RESOLVE_NO_XDEV
	}
	fd, err := unix.Openat2(dir, path, &how)
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", path, root, err)
	}
	f := os.NewFile(uintptr(fd), path)
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s in %s is no regular file", path, root)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// DirOf tells a folder from all others.
func DirOf(path string) (Dir, error) {
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Dir{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(dir)
	return dirOf(dir)
}

func dirOf(fd int) (Dir, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Dir{}, err
	}
	return Dir{uint64(st.Dev), st.Ino}, nil
}

// fileID is what a file is told by.
func fileID(f *os.File) (FileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return FileID{}, err
	}
	return FileID{Device: uint64(st.Dev), Inode: st.Ino, CTime: st.Ctim.Nano(), Size: st.Size}, nil
}
