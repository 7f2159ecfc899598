//go:build !linux

package testbed

import "syscall"

// dieWithUs has a child end when this process does, where that can be had.
func dieWithUs() *syscall.SysProcAttr { return nil }
