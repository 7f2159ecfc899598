package proc

import "strconv"

// Root is a folder that is the root of some process.
type Root struct {
	Path string
	// dir and start are of the process that the path leads through, if it does:
	// its folder in /proc, and when it began.
	dir   string
	start uint64
	node  Dir
}

// Dir tells a folder from all others. The zero value is none.
type Dir struct{ Device, Inode uint64 }

// Folder is a root that does not change.
func Folder(path string) Root { return Root{Path: path} }

// RootOf is the root of a live process of a container, by its number in a
// mounted proc. It does not open as long as it is node, the node's own root:
// runtimes join a container's control group before they change their root, and
// a process may enter the node's mounts later.
func RootOf(root string, pid int, k Key, node Dir) Root {
	dir := root + "/" + strconv.Itoa(pid)
	return Root{Path: dir + "/root", dir: dir, start: k.Start, node: node}
}

// still reports whether the path has led to that process's root all the while:
// its number may be used again by one in another container, or by none.
func (r Root) still() bool {
	if r.dir == "" {
		return true
	}
	st, err := readStat(r.dir)
	return err == nil && st.start == r.start
}
