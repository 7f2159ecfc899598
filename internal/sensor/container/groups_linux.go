package container

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vedette-project/vedette/internal/sensor/lru"
)

// fileidKernfs is the type of a file handle that is a control group's number
// (FILEID_KERNFS of the kernel's exportfs.h, since 5.5).
const fileidKernfs = 0xfe

// Groups tells the path of a control group by its number, which is what the
// kernel's records carry. Asking the file system by that number is exact; the
// path that /proc shows of a process may be another by now.
type Groups struct {
	mount *os.File
	root  string
	paths *lru.Map[uint64, string]
	// told are the last two names of groups as records told them, for groups
	// that are gone before they are asked for.
	told *lru.Map[uint64, string]
}

// OpenGroups opens the hierarchy that is mounted at a folder.
func OpenGroups(dir string) (*Groups, error) {
	mount, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the control groups: %w", err)
	}
	g := ToldGroups()
	g.mount = mount
	var st unix.Stat_t
	if err := unix.Fstat(int(mount.Fd()), &st); err != nil {
		mount.Close()
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	// The path of the group that is surely there is the one to cut off.
	if g.root, err = g.ask(st.Ino); err != nil {
		mount.Close()
		return nil, fmt.Errorf("control groups by number at %s: %w", dir, err)
	}
	return g, nil
}

// ToldGroups are groups of which only is known what is told.
func ToldGroups() *Groups {
	return &Groups{paths: lru.New[uint64, string](maxContainers), told: lru.New[uint64, string](maxContainers)}
}

// Close gives the hierarchy back.
func (g *Groups) Close() error {
	if g.mount == nil {
		return nil
	}
	return g.mount.Close()
}

// Tell takes note of a group's path, or of the last names of it.
func (g *Groups) Tell(id uint64, names ...string) {
	if _, ok := g.told.Get(id); ok {
		return
	}
	if path := filepath.Join("/", filepath.Join(names...)); path != "/" {
		g.told.Put(id, path)
	}
}

// Path is the path of a group below the root of its hierarchy; "" when the
// group is gone and nothing was told of it. exact is false for what was told,
// which is the end of the path only.
func (g *Groups) Path(id uint64) (path string, exact bool) {
	if path, ok := g.paths.Get(id); ok {
		return path, true
	}
	path, err := g.ask(id)
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		path, _ = g.told.Get(id)
		return path, false
	}
	rest, ok := strings.CutPrefix(path, g.root)
	if !ok {
		rest = path // above what is mounted here
	}
	path = filepath.Join("/", rest)
	g.paths.Put(id, path)
	return path, true
}

// ask opens a group by its number and reads where that is.
func (g *Groups) ask(id uint64) (string, error) {
	if g.mount == nil {
		return "", os.ErrClosed
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], id)
	fd, err := unix.OpenByHandleAt(int(g.mount.Fd()), unix.NewFileHandle(fileidKernfs, b[:]), unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
}
