package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// destinationsView is where findings are published to: what the API was told,
// and what the configuration names.
type destinationsView struct {
	List    []destinationRow
	Targets []targetRow
	Form    url.Values
	Problem string
}

// destinationRow is a destination of the API.
type destinationRow struct {
	ID         string `json:"destinationId"`
	Type       string `json:"destinationType"`
	Status     string `json:"status"`
	Since      int64  `json:"publishingFailureStartTimestamp"` // in milliseconds; 0: it does not fail
	Properties struct {
		ARN   string `json:"destinationArn"`
		Key   string `json:"kmsKeyArn"`
		Owner string `json:"expectedBucketOwner"`
	} `json:"destinationProperties"`
	Path string
}

// Failing is since when nothing can be written there.
func (d *destinationRow) Failing() time.Time {
	if d.Since == 0 {
		return time.Time{}
	}
	return time.UnixMilli(d.Since).UTC()
}

// mayTargets lets those see targets who are of the own account: they are the administrator's.
func (v *visit) mayTargets() error {
	if !v.Whole() {
		return notAllowed("Where findings go is for the installation's own account to see.")
	}
	return nil
}

func (s *server) destinations(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showDestinations(w, r, v, nil, "")
}

func (s *server) showDestinations(w http.ResponseWriter, r *http.Request, v *visit, typed url.Values, problem string) error {
	if err := v.mayTargets(); err != nil {
		return err
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	out := destinationsView{Form: typed, Problem: problem}
	list, err := s.destinationList(v, detector)
	if err != nil {
		return err
	}
	for _, d := range list { // at most one
		row := destinationRow{Path: Root + "destinations/" + pathEscape(d.ID)}
		if err := s.call(v, http.MethodGet, detectorPath(detector, "publishingDestination", d.ID), nil, nil, &row); err != nil {
			return err
		}
		out.List = append(out.List, row)
	}
	if out.Targets, err = s.targets(r.Context(), v); err != nil {
		return err
	}
	return s.showForm(w, r, v, "destinations", "destinations", "Destinations", problem, &out)
}

// mayDestinations lets those change them who may manage the installation.
func (v *visit) mayDestinations() error {
	if !v.Whole() || !v.MayManage() {
		return notAllowed("Only administrators of the installation may change where findings go.")
	}
	return nil
}

// destinationProperties is what creation and update send.
func destinationProperties(f url.Values) map[string]string {
	p := map[string]string{}
	for name, of := range map[string]string{"destinationArn": "arn", "kmsKeyArn": "key", "expectedBucketOwner": "owner"} {
		if v := strings.TrimSpace(f.Get(of)); v != "" {
			p[name] = v
		}
	}
	return p
}

func (s *server) saveDestination(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayDestinations())
	if err != nil {
		return err
	}
	in := map[string]any{"destinationProperties": destinationProperties(f)}
	path := detectorPath(detector, "publishingDestination")
	if id := r.PathValue("id"); id != "" {
		path = detectorPath(detector, "publishingDestination", id)
	} else {
		in["destinationType"] = "S3"
	}
	if err := s.call(v, http.MethodPost, path, nil, in, nil); err != nil {
		if problem := problemOf(err); problem != "" {
			return s.showDestinations(w, r, v, f, problem)
		}
		return err
	}
	return s.done(w, r, Root+"destinations", "Saved. Its state tells in a moment whether it can be written to.")
}

func (s *server) deleteDestination(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, detector, err := s.detectorForm(w, r, v, v.mayDestinations())
	if err != nil {
		return err
	}
	if err := s.call(v, http.MethodDelete, detectorPath(detector, "publishingDestination", r.PathValue("id")), nil, nil, nil); err != nil {
		return err
	}
	return s.done(w, r, Root+"destinations", "Deleted the destination. What was exported stays where it is.")
}

// deadSize is how many dead letters a page has.
const deadSize = 50

// targetView is the page of a target.
type targetView struct {
	targetRow
	Letters []letterRow
	More    bool
}

type letterRow struct {
	store.DeadLetter
	Type, Finding string // "": of nothing that can be read
}

func (s *server) target(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.mayTargets(); err != nil {
		return err
	}
	list, err := s.targets(r.Context(), v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t targetRow) bool { return t.Name == r.PathValue("name") })
	if i < 0 {
		return finding.ErrNotFound
	}
	view := targetView{targetRow: list[i]}
	letters, err := s.Store.DeadLetters(r.Context(), view.Name, 0, deadSize+1)
	if err != nil {
		return err
	}
	if view.More = len(letters) > deadSize; view.More {
		letters = letters[:deadSize]
	}
	for _, l := range letters {
		row := letterRow{DeadLetter: l, Type: "unreadable"}
		if e, err := publish.ParseLetter(l.Data); err == nil {
			row.Type = e.DetailType
			if f := e.Finding(); f != nil {
				row.Type, row.Finding = f.Type, findingPath(f.ID)
			}
		}
		view.Letters = append(view.Letters, row)
	}
	return s.show(w, r, v, "target", "destinations", view.Name, &view)
}
