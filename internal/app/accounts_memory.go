package app

import (
	"time"

	"github.com/vedette-project/vedette/internal/ingest"
)

// recall is what is known of a token; or else the question about it, which may
// be the caller's to ask.
func (s *accounts) recall(hash tokenHash) (known bool, q *question, mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if until, ok := s.good[hash]; ok && now.Before(until) {
		return true, nil, false, nil
	}
	if b, ok := s.bad[hash]; ok && now.Before(b.until) {
		return true, nil, false, b.denied
	}
	if q := s.asking[hash]; q != nil {
		return false, q, false, nil
	}
	q = &question{done: make(chan struct{})}
	s.asking[hash] = q
	return false, q, true, nil
}

// accept remembers a good token, for at most as long as it lasts.
func (s *accounts) accept(hash tokenHash, ends time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.good) >= maxAccepted {
		for h, until := range s.good {
			if !now.Before(until) || len(s.good) >= maxAccepted {
				delete(s.good, h)
			}
		}
	}
	until := now.Add(acceptedFor)
	if ends.Before(until) {
		until = ends
	}
	s.good[hash] = until
	delete(s.bad, hash)
}

func (s *accounts) refuse(hash tokenHash, denied *ingest.Denied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.bad) >= maxRefused {
		for h, b := range s.bad {
			if !now.Before(b.until) || len(s.bad) >= maxRefused {
				delete(s.bad, h)
			}
		}
	}
	s.bad[hash] = refusedToken{denied, now.Add(refusedFor)}
	delete(s.good, hash)
}

// wasGood reports whether a token was accepted before. Asking about it again is
// for free: who floods the cluster with new tokens keeps out no sender that is known.
func (s *accounts) wasGood(hash tokenHash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.good[hash]
	return ok
}
