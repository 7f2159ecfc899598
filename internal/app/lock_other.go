//go:build !unix

package app

import "os"

// lockData makes the data directory; there is no lock here.
func lockData(dataDir string) (unlock func() error, err error) {
	return func() error { return nil }, os.MkdirAll(dataDir, 0o700)
}
