package kernel

import "errors"

// ErrPermission says that the sensor lacks a privilege; the error around it
// says which.
var ErrPermission = errors.New("kernel: not permitted")

// Feature is something of the system that the sensor uses.
type Feature struct {
	Name string
	// What it is for, or what is not seen without it.
	For string
	// Needed: without it Open fails.
	Needed bool
	// Err is nil where it is there; else it wraps ErrNotSupported or
	// ErrPermission and says why it is not and what to do.
	Err error
}
