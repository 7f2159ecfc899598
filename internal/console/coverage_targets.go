package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// Target is a place of the configuration that findings are published to.
type Target struct{ Name, Type string }

// targetLag is how long a change may wait before a target counts as behind.
const targetLag = time.Minute

// targetRow is a target, and how it is.
type targetRow struct {
	Target
	Path    string // of its page
	State   string // ok, behind, failing or new
	Status  publish.Status
	Dead    int64
	Waiting int64     // updates that wait for their time
	Behind  time.Time // the oldest change that was not sent
}

// targets are those of the configuration and of the API, with their states.
func (s *server) targets(ctx context.Context, v *visit) ([]targetRow, error) {
	var out []targetRow
	for _, t := range s.Targets {
		out = append(out, targetRow{Target: t})
	}
	detector, err := s.detector(v)
	if errors.Is(err, errNoDetector) {
		err = nil
	} else if err == nil {
		var list []destinationSummary
		if list, err = s.destinationList(v, detector); err == nil {
			for _, d := range list {
				out = append(out, targetRow{Target: Target{"destination-" + d.ID, "destination of the API"}})
			}
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := s.fillTarget(ctx, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fillTarget reads how a target is.
func (s *server) fillTarget(ctx context.Context, t *targetRow) error {
	text, err := s.Store.PublishStatus(ctx, t.Name)
	if err != nil {
		return err
	}
	if t.Status, err = publish.ParseStatus(text); err != nil { // of another version
		t.Status = publish.Status{}
	}
	if t.Dead, err = s.Store.CountDead(ctx, t.Name); err != nil {
		return err
	}
	if t.Waiting, err = s.Store.PublishWaiting(ctx, t.Name); err != nil {
		return err
	}
	cursor, err := s.Store.Cursor(ctx, publish.CursorName(t.Name))
	fresh := errors.Is(err, finding.ErrNotFound)
	if err != nil && !fresh {
		return err
	}
	t.Path, t.State = Root+"destinations/targets/"+pathEscape(t.Name), "ok"
	if !fresh {
		waiting, err := s.Store.Changes(ctx, string(cursor), 1)
		if err != nil {
			return err
		}
		if len(waiting) > 0 {
			t.Behind = waiting[0].At
		}
	}
	switch {
	case t.Status.Error != "":
		t.State = "failing"
	case fresh:
		t.State = "new"
	case !t.Behind.IsZero() && s.Now().Sub(t.Behind) > targetLag:
		t.State = "behind"
	}
	return nil
}

type destinationSummary struct {
	ID     string `json:"destinationId"`
	Type   string `json:"destinationType"`
	Status string `json:"status"`
}

// destinationList are the destinations of the API.
func (s *server) destinationList(v *visit, detector string) ([]destinationSummary, error) {
	var out struct{ Destinations []destinationSummary }
	err := s.call(v, http.MethodGet, detectorPath(detector, "publishingDestination"), nil, nil, &out)
	return out.Destinations, err
}
