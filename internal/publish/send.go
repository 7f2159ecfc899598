package publish

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// send sends the units of a step, and notes in each what became of it. The
// error is of the first that is to be tried again.
func (f *Follower) send(ctx context.Context, w *work) error {
	var open []*unit
	for _, u := range w.units {
		if f.taken[u.event.ID] && u.held == nil && u.dead == 0 {
			u.state, u.again = unitTaken, true
		}
		if u.state == unitOpen {
			open = append(open, u)
		}
	}
	size := f.Policy.Batch
	if size <= 0 {
		size = len(open)
	}
	var chunks [][]*unit
	for len(open) > 0 {
		n := min(size, len(open))
		chunks, open = append(chunks, open[:n]), open[n:]
	}
	s := sending{follower: f, chunks: chunks}
	callers := min(f.Policy.Parallel, len(chunks))
	if callers <= 1 {
		s.run(ctx)
		return s.failure
	}
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() { s.run(ctx) })
	}
	wg.Wait()
	return s.failure
}

// sending is the calls of one step, which several goroutines make.
type sending struct {
	follower *Follower

	mu      sync.Mutex
	chunks  [][]*unit
	failure error
}

// next is the next call to make; nil when there is none, or one has failed.
func (s *sending) next() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil || len(s.chunks) == 0 {
		return nil
	}
	c := s.chunks[0]
	s.chunks = s.chunks[1:]
	return c
}

func (s *sending) run(ctx context.Context) {
	for {
		chunk := s.next()
		if chunk == nil {
			return
		}
		err := s.follower.limit.wait(ctx)
		if err == nil {
			err = s.follower.call(ctx, chunk)
		}
		if len(chunk) > 1 && refusesAll(err) { // one of them may be at fault
			s.split(chunk)
			continue
		}
		if err = note(chunk, err); err == nil {
			continue
		}
		s.mu.Lock()
		if s.failure == nil {
			s.failure = err
		}
		s.mu.Unlock()
	}
}

// refusesAll reports whether a call was refused as a whole.
func refusesAll(err error) bool {
	each, refused := Each(nil), (*RefusedError)(nil)
	return !errors.As(err, &each) && errors.As(err, &refused)
}

// split has the events of a call sent one by one.
func (s *sending) split(chunk []*unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var singles [][]*unit
	for _, u := range chunk {
		singles = append(singles, []*unit{u})
	}
	s.chunks = append(singles, s.chunks...)
}

func (f *Follower) call(ctx context.Context, chunk []*unit) error {
	if f.Policy.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, f.Policy.Timeout)
		defer cancel()
		ctx = limited
	}
	events := make([]Event, len(chunk))
	for i, u := range chunk {
		events[i] = u.event
	}
	ctx, spans := f.sendSpans(ctx, chunk)
	err := f.Target.Send(ctx, events)
	endSend(spans, err)
	return err
}

// note writes the outcome of a call into its units, and returns the error of
// the first that is to be tried again.
func note(chunk []*unit, err error) error {
	var each Each
	if !errors.As(err, &each) || len(each) != len(chunk) {
		each = make(Each, len(chunk))
		for i := range each {
			each[i] = err
		}
	}
	var first error
	for i, u := range chunk {
		refused := (*RefusedError)(nil)
		switch {
		case each[i] == nil:
			u.state = unitTaken
		case errors.As(each[i], &refused):
			u.state, u.reason = unitRefused, refused.Reason
		case first == nil:
			first = each[i]
		}
	}
	return first
}

// outcome fills a step with what became of the work, and returns how many of
// the changes are dealt with.
func (w *work) outcome(step *store.PublishStep) (done int) {
	done = len(w.changes)
	for _, u := range w.units {
		switch u.state {
		case unitOpen:
			if u.change >= 0 {
				done = min(done, u.change)
			}
		case unitTaken:
			if u.dead != 0 {
				step.Resent = append(step.Resent, u.dead)
			}
		case unitRefused:
			if u.data == nil {
				u.data = encodeLetter(&u.event)
			}
			step.Dead = append(step.Dead, store.DeadLetter{Event: u.event.ID, Reason: cut(u.reason, 500), Data: u.data, At: w.now})
		}
	}
	for _, h := range w.held {
		switch {
		case !h.dirty:
		case h.settled():
			h.item.Data = h.mem.encode()
			step.Items = append(step.Items, h.item)
		case h.touched >= 0: // what it remembers of earlier changes is not kept either
			done = min(done, h.touched)
		}
	}
	return done
}

// settled reports whether nothing of an item is to be tried again. Otherwise it
// stays as it was: its changes, or what was due, come up once more.
func (h *held) settled() bool {
	for _, u := range h.units {
		if u.state == unitOpen {
			return false
		}
	}
	return true
}

func (w *work) observation(now time.Time) (o Observation) {
	for _, u := range w.units {
		switch {
		case u.again:
		case u.state == unitTaken:
			o.Taken++
			if !u.at.IsZero() && !u.event.Update && u.event.Finding() != nil {
				o.Delays = append(o.Delays, max(0, now.Sub(u.at)))
			}
		case u.state == unitRefused:
			o.Refused++
		}
	}
	return o
}
