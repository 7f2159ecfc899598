//go:build !(linux || darwin || freebsd)

package app

import "errors"

// FreeBytes is not known here.
func FreeBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
