package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

const (
	// maxEvents is how many of a MISP feed's newest events are read.
	maxEvents = 500
	// mispAge is how old events may be if the source does not say.
	mispAge = 90 * 24 * time.Hour
)

// misp reads the manifest of a MISP feed and the newest of its events.
func (u *Updater) misp(ctx context.Context, s *Source, st *state, w *writer) (bool, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(s.URL, "manifest.json"), "/") + "/"
	a, err := u.get(ctx, s, base+"manifest.json", "application/json", st.conditions(), s.MaxBytes)
	if err != nil || a.unchanged {
		return false, err
	}
	defer a.close()
	if newest := st.newest(); newest != nil && newest.SHA256 == a.sha256 {
		return false, nil // not every publisher answers conditions
	}
	events, err := format.Manifest(a.body, s.MaxBytes)
	if err != nil {
		return false, err
	}
	w.about(a)
	age, left, broken, read := s.MaxAge, s.MaxBytes, 0, 0
	if age == 0 {
		age = mispAge
	}
	for _, e := range events {
		if read == maxEvents || u.o.Now().Sub(e.Changed) > age {
			break // they come newest first
		}
		read++
		n, err := u.event(ctx, s, base+e.UUID+".json", left, w)
		if left -= n; err != nil {
			if broken++; ctx.Err() != nil || !errors.Is(err, errEvent) || broken > 3 && broken > read/10 {
				return false, err
			}
			w.snap.Faults++
			w.snap.Sample = append(w.snap.Sample, format.Fault{Reason: err.Error()})
		}
	}
	w.snap.Format = format.MISP
	return true, nil
}

// errEvent marks an event that cannot be read; others may be.
var errEvent = errors.New("an event cannot be read")

func (u *Updater) event(ctx context.Context, s *Source, address string, left int64, w *writer) (int64, error) {
	a, err := u.get(ctx, s, address, "application/json", conditions{}, left)
	if r, ok := errors.AsType[*refused](err); ok && (r.status == http.StatusNotFound || r.status == http.StatusGone) {
		return 0, fmt.Errorf("%w: %w", errEvent, err)
	}
	if err != nil {
		return 0, err
	}
	defer a.close()
	o := s.parseOptions()
	o.Format = format.MISP
	stats, err := format.Parse(a.body, o, w.add)
	w.stats(stats)
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", errEvent, shown(address), err)
	}
	return a.bytes, err
}
