package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

func configOf(t *testing.T, path string) *config.Config {
	t.Helper()
	c, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sender pushes as the audit webhook of an API server does: a batch again and
// again until it is acknowledged.
type sender struct {
	t         *testing.T
	user, url string
	attacks   int64 // acknowledged
}

func (s *sender) run(done <-chan struct{}) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ; {
		select {
		case <-done:
			return
		default:
		}
		var lines []string
		attacks := int64(0)
		for range 1 + rand.IntN(20) {
			if n++; rand.IntN(4) == 0 {
				lines, attacks = append(lines, attack(s.user, n)), attacks+1
			} else {
				lines = append(lines, benign(s.user, n))
			}
		}
		for tries := 0; !s.push(client, eventList(lines)); tries++ {
			if tries > 2000 {
				s.t.Errorf("%s gave up", s.user)
				return
			}
			time.Sleep(10 * time.Millisecond) // nobody is there, or it was told to come again
		}
		s.attacks += attacks
	}
}

func (s *sender) push(c *http.Client, body string) bool {
	res, err := c.Post(s.url, "application/json", strings.NewReader(body))
	if err != nil {
		return false // not there, or killed before the answer
	}
	res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false
	}
	s.t.Errorf("status %d", res.StatusCode)
	return true
}

// rotated is a log that is written and rotated by renaming. The number of a
// line is its event time, in seconds from begin.
type rotated struct {
	t    *testing.T
	path string

	mu        sync.Mutex
	file      *os.File
	lines     int // written so far
	first     int // number of the first line of the file
	attacks   int
	rotations int
}

func newRotated(t *testing.T, path string) *rotated {
	t.Helper()
	r := &rotated{t: t, path: path}
	r.open()
	t.Cleanup(func() { r.file.Close() })
	return r
}

func (r *rotated) open() {
	var err error
	if r.file, err = os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		r.t.Error(err)
	}
	r.first = r.lines
}

// run writes lines, some of them in two pieces.
func (r *rotated) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
			r.write()
		}
	}
}

func (r *rotated) write() {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := benign("jane", r.lines*1000)
	if r.lines%5 == 0 {
		line = attack("writer", r.lines*1000)
		r.attacks++
	}
	line += "\n"
	half := 0
	if rand.IntN(4) == 0 {
		half = len(line) / 2
	}
	for _, part := range []string{line[:half], line[half:]} {
		if _, err := r.file.WriteString(part); err != nil {
			r.t.Error(err)
		}
		if half > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	r.lines++
}

// newest is the number of the last line.
func (r *rotated) newest() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines - 1
}

// isRead reports whether the server has begun to read the present file.
func (r *rotated) isRead(s *killed) bool {
	newest := s.newest()
	r.mu.Lock()
	defer r.mu.Unlock()
	return newest >= r.first && r.lines > r.first
}

func (r *rotated) rotate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rotations++
	if err := os.Rename(r.path, fmt.Sprintf("%s.%d", r.path, r.rotations)); err != nil {
		r.t.Error(err)
	}
	r.file.Close()
	r.open()
}
