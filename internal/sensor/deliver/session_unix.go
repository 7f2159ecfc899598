//go:build unix

package deliver

import (
	"errors"
	"os"
	"syscall"
)

// shared maps a file, so that what is written is the kernel's at once.
func shared(path string, size int) ([]byte, func() error, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		return nil, nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(errors.New("map the file"), err)
	}
	return b, func() error { return syscall.Munmap(b) }, nil
}
