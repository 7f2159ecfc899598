//go:build !(linux || darwin || freebsd)

package journal

import "errors"

func FreeBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
