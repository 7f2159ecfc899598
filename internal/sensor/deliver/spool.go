package deliver

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// spool is a folder of batches in the order of their numbers. A name tells the
// number and how many records are in it: 0000000000000012-345.zst.
type spool struct {
	dir string
	max int64

	mu    sync.Mutex
	files []spooled // oldest first
	last  uint64    // number
	n     int64     // records
	size  int64     // bytes
}

type spooled struct {
	name   string
	number uint64
	n      int
	size   int64
	data   []byte // where it was read
}

func openSpool(dir string, limit int64) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for records that wait: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder for records that wait: %w", err)
	}
	s := &spool{dir: dir, max: limit}
	for _, e := range entries {
		var f spooled
		if strings.HasSuffix(e.Name(), ".part") { // of a run that died while it wrote
			_ = os.Remove(filepath.Join(dir, e.Name()))
			continue
		}
		if k, err := fmt.Sscanf(e.Name(), "%016x-%d.zst", &f.number, &f.n); k != 2 || err != nil || f.n < 0 {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f.name, f.size = e.Name(), info.Size()
		s.files = append(s.files, f)
		s.n, s.size, s.last = s.n+int64(f.n), s.size+f.size, max(s.last, f.number)
	}
	slices.SortFunc(s.files, func(a, b spooled) int { return cmp.Compare(a.number, b.number) })
	return s, nil
}

func (s *spool) waiting() (n, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.size
}

// add puts a batch behind the others. Of what waits longest as much goes as it
// needs; dropped is how many records those were.
func (s *spool) add(data []byte, n int) (dropped int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.files) > 0 && s.size+int64(len(data)) > s.max {
		dropped += int64(s.files[0].n)
		if err := s.removeFirst(); err != nil {
			return dropped, err
		}
	}
	s.last++
	f := spooled{name: fmt.Sprintf("%016x-%d.zst", s.last, n), number: s.last, n: n, size: int64(len(data))}
	path := filepath.Join(s.dir, f.name)
	if err := os.WriteFile(path+".part", data, 0o600); err != nil {
		return dropped, errors.Join(err, ignoreMissing(os.Remove(path+".part")))
	}
	if err := os.Rename(path+".part", path); err != nil {
		return dropped, err
	}
	s.files = append(s.files, f)
	s.n, s.size = s.n+int64(n), s.size+f.size
	return dropped, nil
}

// oldest reads the batch that waits longest. There must be one.
func (s *spool) oldest() (spooled, error) {
	s.mu.Lock()
	f := s.files[0]
	s.mu.Unlock()
	data, err := os.ReadFile(filepath.Join(s.dir, f.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f.data = data
	return f, nil
}

// remove takes a batch away; it may have made room for others meanwhile.
func (s *spool) remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 0 || s.files[0].name != name {
		return nil
	}
	return s.removeFirst()
}

func (s *spool) removeFirst() error {
	f := s.files[0]
	if err := ignoreMissing(os.Remove(filepath.Join(s.dir, f.name))); err != nil {
		return err
	}
	s.files = s.files[1:]
	s.n, s.size = s.n-int64(f.n), s.size-f.size
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
