//go:build !linux

package main

import (
	"fmt"
	"os"
)

// maxrss is used on Linux only: other systems count in other units, or not at all.
func maxrss() {
	fmt.Fprintln(os.Stderr, "maxrss: memory is not measured on this system")
	os.Exit(2)
}
