package push

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vedette-project/vedette/internal/ingest"
)

// Watch tells how the following of logs goes: /metrics, /livez and /readyz. The
// zero value knows of no log yet.
type Watch struct {
	mu   sync.Mutex
	logs []watched
}

type watched struct {
	path   string
	sender *Sender
	places *positions
}

func (w *Watch) add(path string, s *Sender, places *positions) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs = append(w.logs, watched{path, s, places})
}

func (w *Watch) all() []watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs[:len(w.logs):len(w.logs)]
}

// waiting is how much of the log is behind the position that is kept.
func (l *watched) waiting() (int64, error) {
	stored, err := l.places.get(context.Background(), ingest.FollowCursor(l.path))
	if err != nil {
		return 0, err
	}
	return ingest.Waiting(l.path, stored)
}

// Handler serves it, beside what else the registry has.
func (w *Watch) Handler(r *prometheus.Registry) (http.Handler, error) {
	if err := r.Register(newCollector(w, time.Now)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "ok") })
	mux.HandleFunc("GET /readyz", w.ready)
	return mux, nil
}

// ready fails while what was read is not taken. A log in which nothing new is
// says nothing about the server, and is well.
func (w *Watch) ready(out http.ResponseWriter, _ *http.Request) {
	for _, l := range w.all() {
		if _, _, fault := l.sender.live.read(); fault != "" {
			http.Error(out, fmt.Sprintf("the records of %s are not taken: %s", l.path, fault), http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(out, "ok")
}
