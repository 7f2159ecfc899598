package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// sender pushes the log of one cluster as its API server does: one batch after
// the other, each until it is acknowledged, to whichever server answers. Now
// and then it sends what was acknowledged before once more, whole or in part.
type sender struct {
	t       *testing.T
	corpus  *corpus
	to      []string // addresses
	rnd     *rand.Rand
	pause   time.Duration
	batches int
	again   int // sent on purpose although they were acknowledged
	refused int // 429 and 503
	lost    int // no answer
}

func (s *sender) run(ctx context.Context) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var before []string
	for ctx.Err() == nil {
		lines := s.corpus.take(1 + s.rnd.IntN(60))
		s.batches++
		s.until(client, eventList(lines))
		switch s.rnd.IntN(12) {
		case 0:
			s.until(client, eventList(lines))
			s.again += len(lines)
		case 1:
			if len(before) > 0 {
				some := before[s.rnd.IntN(len(before)):]
				s.until(client, eventList(some))
				s.again += len(some)
			}
		}
		before = lines
		time.Sleep(time.Duration(s.rnd.Int64N(int64(s.pause) + 1)))
	}
}

// until sends a body until it is acknowledged.
func (s *sender) until(client *http.Client, body string) {
	for tries := 0; ; tries++ {
		to := s.to[s.rnd.IntN(len(s.to))]
		res, err := client.Post("http://"+to+"/ingest/k8s-audit/"+s.corpus.cluster, "application/json", strings.NewReader(body))
		if err == nil {
			res.Body.Close()
			switch res.StatusCode {
			case http.StatusOK:
				return
			case http.StatusTooManyRequests, http.StatusServiceUnavailable:
				s.refused++
			default:
				s.t.Errorf("%s: status %d", s.corpus.cluster, res.StatusCode)
				return
			}
		} else {
			s.lost++
		}
		if tries > 3000 {
			s.t.Errorf("%s gave up", s.corpus.cluster)
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// writer writes the log of one cluster to a file that is followed, and rotates
// it by renaming.
type writer struct {
	t         *testing.T
	corpus    *corpus
	path      string
	rnd       *rand.Rand
	pause     time.Duration
	rotations int
}

func (w *writer) run(ctx context.Context) {
	f := w.open()
	defer func() { f.Close() }()
	for size := 0; ctx.Err() == nil; {
		for _, l := range w.corpus.take(1 + w.rnd.IntN(40)) {
			n, err := f.WriteString(l + "\n")
			if err != nil {
				w.t.Errorf("write %s: %v", w.path, err)
				return
			}
			size += n
		}
		if size > 8<<20 {
			w.rotations++
			if err := os.Rename(w.path, fmt.Sprintf("%s.%04d", w.path, w.rotations)); err != nil {
				w.t.Error(err)
			}
			f.Close()
			f, size = w.open(), 0
		}
		time.Sleep(time.Duration(w.rnd.Int64N(int64(w.pause) + 1)))
	}
}

func (w *writer) open() *os.File {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Error(err)
	}
	return f
}
