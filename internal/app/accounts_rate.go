package app

import (
	"net"
	"net/http"
	"time"
)

// spend takes one question from what the sender and the cluster may cost.
func (s *accounts) spend(r *http.Request, c *cluster) bool {
	sender, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		sender = r.RemoteAddr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.senders) >= maxSenders {
		for k, b := range s.senders {
			if b.full(now) || len(s.senders) >= maxSenders {
				delete(s.senders, k)
			}
		}
	}
	return take(s.senders, sender, reviewsPerSender, reviewsPerSenderAtOnce, now) && take(s.budgets, c.Name, reviewsPerCluster, reviewsPerClusterAtOnce, now)
}

// bucket holds what may be spent at once, and fills up with time.
type bucket struct {
	left, rate, size float64
	at               time.Time
}

func (b *bucket) fill(now time.Time) {
	b.left = min(b.size, b.left+b.rate*max(0, now.Sub(b.at).Seconds()))
	b.at = now
}

func (b *bucket) full(now time.Time) bool {
	b.fill(now)
	return b.left >= b.size
}

func take(of map[string]*bucket, key string, rate, size float64, now time.Time) bool {
	b := of[key]
	if b == nil {
		b = &bucket{left: size, rate: rate, size: size, at: now}
		of[key] = b
	}
	b.fill(now)
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
