package console

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// findingStore is what the pages of a finding, a sequence and an entity need of the store.
type findingStore interface {
	Naming(ctx context.Context, q store.NamingQuery) (found []store.NamedFinding, more bool, err error)
	NewestNames(ctx context.Context, q store.EntityQuery) ([]store.NamedFinding, error)
	States(ctx context.Context, name string) ([]store.StateOf, error)
}

// findingPages are the pages of a finding, a sequence and an entity, by the pattern of their address.
func (s *server) findingPages() map[string]page {
	one := Root + "findings/{id}"
	return map[string]page{
		"GET " + one:                              s.finding,
		"POST " + one + "/archive":                s.archive("archive", "Archived the finding."),
		"POST " + one + "/unarchive":              s.archive("unarchive", "Brought the finding back."),
		"POST " + one + "/feedback":               s.feedback,
		"GET " + one + "/suppress":                s.suppress,
		"POST " + one + "/suppress":               s.createSuppression,
		"GET " + Root + "sequences":               s.sequences,
		"GET " + Root + "entities":                s.entities,
		"GET " + Root + "entities/{kind}/{id...}": s.entity,
	}
}

// theFinding reads the finding that an address names.
func (s *server) theFinding(v *visit, id string) (detector string, f *finding.Finding, err error) {
	if detector, err = s.detector(v); err != nil {
		return "", nil, err
	}
	fs, err := s.get(v, detector, []string{id})
	if err != nil {
		return "", nil, err
	}
	if len(fs) != 1 {
		return "", nil, finding.ErrNotFound
	}
	f = fs[0]
	if f.Service == nil { // so that nobody has to ask
		f.Service = &finding.Service{}
	}
	if f.Resource == nil {
		f.Resource = &finding.Resource{}
	}
	return detector, f, nil
}

// findingJSON is the finding in the shape of the API.
func (s *server) findingJSON(w http.ResponseWriter, v *visit, id string) error {
	_, f, err := s.theFinding(v, id)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "finding-" + f.ID + ".json"}))
	_, _ = w.Write(append(body, '\n')) // a browser that hung up is no fault of ours
	return nil
}

// archive puts a finding away, or brings it back.
func (s *server) archive(operation, note string) page {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		detector, f, err := s.theFinding(v, r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := s.setArchived(v, detector, f.ID, operation); err != nil {
			return err
		}
		return s.done(w, r, findingPath(f.ID), note)
	}
}

func (s *server) setArchived(v *visit, detector, id, operation string) error {
	return s.call(v, http.MethodPost, detectorPath(detector, "findings", operation), nil, map[string]any{"findingIds": []string{id}}, nil)
}

// feedback says whether a finding was useful.
func (s *server) feedback(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, f, err := s.theFinding(v, r.PathValue("id"))
	if err != nil {
		return err
	}
	in := map[string]any{"findingIds": []string{f.ID}, "feedback": r.PostFormValue("feedback")}
	if comments := strings.TrimSpace(r.PostFormValue("comments")); comments != "" {
		in["comments"] = comments
	}
	if err := s.call(v, http.MethodPost, detectorPath(detector, "findings", "feedback"), nil, in, nil); err != nil {
		return err
	}
	return s.done(w, r, findingPath(f.ID), "Noted. Thank you.")
}

// kept is where the findings of a visitor are kept, and of which account he
// sees them; "" is all.
func (s *server) kept(v *visit) (detector, account string) {
	return finding.DetectorID(s.Account, s.Region), v.key.Account
}
