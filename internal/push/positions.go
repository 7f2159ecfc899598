package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// positionsFile holds how far each followed log was sent.
const positionsFile = "positions.json"

// positions are kept in one file, which is replaced whole.
type positions struct {
	dir string

	mu  sync.Mutex
	all map[string]json.RawMessage // by the name of the follower's cursor
}

func openPositions(dir string) (*positions, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the positions: %w", err)
	}
	p := &positions{dir: dir, all: map[string]json.RawMessage{}}
	path := filepath.Join(dir, positionsFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the positions: %w", err)
	}
	if err := json.Unmarshal(b, &p.all); err != nil || p.all == nil {
		return nil, fmt.Errorf("%s does not hold positions (%v); remove it to send the logs from their beginning: what the server has counts once", path, err)
	}
	return p, nil
}

func (p *positions) get(_ context.Context, name string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[name], nil
}

// put keeps a position: it is on disk when put returns.
func (p *positions) put(name string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[name] = data
	b, err := json.Marshal(p.all)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(p.dir, positionsFile), b); err != nil {
		return fmt.Errorf("keep the position: %w", err)
	}
	return nil
}

// replace writes a file so that it is whole at every moment, also after the
// machine lost its power.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
