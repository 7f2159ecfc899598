//go:build !linux || !(amd64 || arm64)

package kernel

// Objects are none: this binary has no programs for the kernel.
func Objects() map[string]string { return nil }
