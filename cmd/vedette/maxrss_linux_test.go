package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// maxrss is a program of its own: it runs another, passes on its output and
// fails when it needed more memory than that: maxrss MIB PROGRAM ARG…
// A process inherits the peak of the one that started it, so the test itself
// cannot measure.
func maxrss() {
	limit, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, "maxrss:", err)
		os.Exit(2)
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if mib := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10; err == nil && mib > limit {
		err = fmt.Errorf("%s needed %d MiB, at most %d", strings.Join(os.Args[2:], " "), mib, limit)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "maxrss:", err)
		os.Exit(1)
	}
}
