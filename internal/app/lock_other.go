//go:build !unix

package app

import "os"

// LockData makes the data directory; there is no lock here.
func LockData(dataDir string) (unlock func() error, err error) {
	return func() error { return nil }, os.MkdirAll(dataDir, 0o700)
}
