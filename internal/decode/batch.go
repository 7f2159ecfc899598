package decode

import "github.com/vedette-project/vedette/internal/event"

// Batch is an event.Batch with the memory that its events live in.
type Batch struct {
	event.Batch
	audits  slabs[event.Audit]
	trails  slabs[event.Trail]
	flows   slabs[event.Flow]
	queries slabs[event.Query]
	runtime runtimeMemory
}

// Reset makes the batch ready for another chunk. Events handed out before are
// void afterwards.
func (b *Batch) Reset() {
	events, rejects := b.Events[:0], b.Rejects[:0]
	b.Batch = event.Batch{Events: events, Rejects: rejects}
	b.audits.used, b.trails.used, b.flows.used, b.queries.used = 0, 0, 0, 0
	b.runtime.reset()
}

const slabSize = 128

// slabs is where bodies live; growing never moves those that events already
// point to.
type slabs[T any] struct {
	list [][]T
	used int
}

// next returns a zeroed body.
func (s *slabs[T]) next() *T {
	slab, i := s.used/slabSize, s.used%slabSize
	if slab == len(s.list) {
		s.list = append(s.list, make([]T, slabSize))
	}
	s.used++
	v := &s.list[slab][i]
	*v = *new(T)
	return v
}
