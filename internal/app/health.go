package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// stuckAfter is longer than anything of the line takes, also what ends with an
// error: a commit is given up after half a minute.
const stuckAfter = 10 * time.Minute

// askTime bounds what a probe waits for.
const askTime = 3 * time.Second

// live says whether this process can go on. It fails only where nothing but a
// new process helps: while store or journal are away a restart would not bring
// them back, so that is for ready to say.
func (a *App) live(w http.ResponseWriter, r *http.Request) {
	if a.worker != nil {
		if what := a.worker.Stuck(stuckAfter); what != "" && a.storeAnswers(r.Context()) == nil {
			http.Error(w, "this process must be started anew: "+what+", although the store answers", http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

func (a *App) storeAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, err := a.keys.store.Detectors(ctx)
	return err
}

// ready says whether this process can do its work: store and journal answer,
// and who connects is shown a certificate that is good.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	if err := a.storeAnswers(ctx); err != nil {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	if a.journal != nil {
		if err := a.journal.Healthy(ctx); err != nil {
			http.Error(w, "the journal does not answer: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	if a.does("ingest") || a.does("api") {
		if err := a.certified(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ok")
	// A queue or bucket that is out of reach is nothing that a restart, or
	// another process, would help with.
	if names, err := a.unreachable(ctx); err == nil && len(names) > 0 {
		fmt.Fprintf(w, "but out of reach: %s; `vedette doctor` says why\n", strings.Join(names, ", "))
	}
	if names, err := a.uncovered(ctx); err == nil && len(names) > 0 {
		fmt.Fprintf(w, "but sensors are missing or lose records in: %s; `vedette doctor` says which\n", strings.Join(names, ", "))
	}
}
