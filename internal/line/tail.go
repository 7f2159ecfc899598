package line

import "sync"

// tail keeps what was just appended, decoded as ingest did it, for a worker in
// the same process: it then need not decode it again. It may forget anything
// at any time; the journal has it.
type tail struct {
	mu    sync.Mutex
	max   int64 // bytes of records
	bytes int64
	held  map[string]heldMessage // by message id
	order []string               // oldest first; may name messages that were taken
}

type heldMessage struct {
	pushes []*Push
	bytes  int64
}

func newTail(maxBytes int64) *tail { return &tail{max: maxBytes, held: map[string]heldMessage{}} }

// keep holds a message until it is taken or there is no room.
func (t *tail) keep(id string, pushes []*Push) {
	m := heldMessage{pushes: pushes}
	for _, p := range pushes {
		m.bytes += p.Batch.Bytes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.bytes > t.max {
		return
	}
	t.bytes += m.bytes
	t.held[id] = m
	t.order = append(t.order, id)
	for t.bytes > t.max || len(t.order) > 2*len(t.held)+64 {
		oldest := t.order[0]
		t.order = t.order[1:]
		if t.bytes > t.max {
			t.remove(oldest)
		} else if _, ok := t.held[oldest]; ok {
			t.order = append(t.order, oldest)
		}
	}
}

func (t *tail) remove(id string) (heldMessage, bool) {
	m, ok := t.held[id]
	if ok {
		delete(t.held, id)
		t.bytes -= m.bytes
	}
	return m, ok
}

// take returns the pushes of a message, nil if they are not held.
func (t *tail) take(id string) []*Push {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m, _ := t.remove(id)
	return m.pushes
}
