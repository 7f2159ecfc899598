package line

import (
	"context"

	"github.com/vedette-project/vedette/internal/trace"
)

// source hands out the messages of a shard, opened. With ahead > 0 it opens
// that many while those before them are judged.
type source struct {
	reader Reader
	tail   *tail
	tracer *trace.Tracer // of the messages
	ahead  chan fetched
	stop   context.CancelFunc
}

type fetched struct {
	m   *message
	err error
}

// given is what came out of the channel, if that was open.
func (f fetched) given(open bool) (*message, error) {
	if !open {
		return nil, context.Canceled
	}
	return f.m, f.err
}

func newSource(r Reader, t *tail, ahead int, tracer *trace.Tracer) *source {
	s := &source{reader: r, tail: t, tracer: tracer, stop: func() {}}
	if ahead > 0 {
		ctx, cancel := context.WithCancel(context.Background())
		s.ahead, s.stop = make(chan fetched, ahead), cancel
		go s.fetch(ctx)
	}
	return s
}

func (s *source) fetch(ctx context.Context) {
	defer close(s.ahead)
	for {
		m, err := s.reader.Next(ctx)
		f := fetched{err: err}
		if err == nil {
			f.m = newMessage(m, s.tracer)
			f.m.open(s.tail)
		}
		select {
		case s.ahead <- f:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// next waits for a message. After an error the source is of no more use.
func (s *source) next(ctx context.Context) (*message, error) {
	if s.ahead == nil {
		m, err := s.reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		return newMessage(m, s.tracer), nil
	}
	select {
	case f, ok := <-s.ahead:
		return f.given(ok)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tryNext returns a message that is there already.
func (s *source) tryNext(ctx context.Context) (*message, error) {
	if s.ahead == nil {
		m, ok, err := s.reader.TryNext(ctx)
		if err != nil || !ok {
			return nil, err
		}
		return newMessage(m, s.tracer), nil
	}
	select {
	case f, ok := <-s.ahead:
		return f.given(ok)
	default:
		return nil, nil
	}
}

func (s *source) close() {
	s.stop()
	if s.ahead != nil {
		for range s.ahead { // until fetch has ended
		}
	}
	s.reader.Close()
}
