package testbed

import "syscall"

// dieWithUs has a child end when this process does.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
