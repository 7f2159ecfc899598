//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// cgroupRoot finds the root of the cgroup v2 hierarchy, to which every process
// of the machine belongs, also where its controllers are of v1. want is the
// operator's own, or "".
func cgroupRoot(want string) (string, error) {
	if want != "" {
		return want, checkCgroupRoot(want)
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find the cgroup v2 hierarchy: %w", err)
	}
	err = fmt.Errorf("no cgroup v2 hierarchy is mounted: mount one (mount -t cgroup2 none DIR), or that of the host into the container")
	for _, path := range cgroup2Mounts(string(text)) {
		if err = checkCgroupRoot(path); err == nil {
			return path, nil
		}
	}
	return "", err
}

// cgroup2Mounts lists where cgroup v2 is mounted, by /proc/self/mountinfo.
func cgroup2Mounts(mountinfo string) []string {
	// A blank, tab, newline or backslash in a path is written in octal.
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var out []string
	for line := range strings.Lines(mountinfo) {
		mount, fs, _ := strings.Cut(line, " - ")
		f := strings.Fields(mount)
		if strings.HasPrefix(fs, "cgroup2 ") && len(f) >= 5 {
			out = append(out, unescape.Replace(f[4]))
		}
	}
	return out
}

// checkCgroupRoot says whether path is the root of all: in a cgroup namespace
// the mounted root is only the namespace's own, and what is attached there sees
// only what runs there.
func checkCgroupRoot(path string) error {
	var fs syscall.Statfs_t
	var st syscall.Stat_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if fs.Type != MagicCgroup2 {
		return fmt.Errorf("%s is no cgroup v2 hierarchy", path)
	}
	if err := syscall.Stat(path, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Ino != 1 {
		return fmt.Errorf("%s is not the root of the cgroup v2 hierarchy but a group in it: mount the host's /sys/fs/cgroup into the container and name it", path)
	}
	return nil
}
