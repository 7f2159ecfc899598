package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// listKind is a kind of lists of the API.
type listKind struct {
	Key  string // in addresses here, and in paths of the API
	Name string
	Text string
	ids  string // the member of an answer that holds ids
}

func listKinds() []listKind {
	return []listKind{
		{"ipset", "Trusted addresses", "Nothing is found about them. At most one list.", "ipSetIds"},
		{"threatintelset", "Threat addresses", "Addresses that are known to be bad. At most six lists.", "threatIntelSetIds"},
		{"trustedentityset", "Trusted addresses and domains", "Nothing is found about them. At most one list.", "trustedEntitySetIds"},
		{"threatentityset", "Threats: addresses, domains and file hashes", "Known to be bad. At most six lists.", "threatEntitySetIds"},
	}
}

// listRow is a list, as GetIPSet and its like show it.
type listRow struct {
	ID                  string
	Kind                listKind
	Name                string        `json:"name"`
	Format              string        `json:"format"`
	Location            string        `json:"location"`
	Status              string        `json:"status"`
	ErrorDetails        string        `json:"errorDetails"`
	ExpectedBucketOwner string        `json:"expectedBucketOwner"`
	CreatedAt           finding.Epoch `json:"createdAt"`
	UpdatedAt           finding.Epoch `json:"updatedAt"`
	Path                string
}

// Used says whether the list is in force, or about to be.
func (l *listRow) Used() bool { return l.Status != "INACTIVE" && l.Status != "DEACTIVATING" }

// Going says that the list is being deleted: nothing can be changed any more.
func (l *listRow) Going() bool { return strings.HasPrefix(l.Status, "DELETE") }

// State is the status in words.
func (l *listRow) State() string {
	switch l.Status {
	case "ACTIVE":
		return "in force"
	case "INACTIVE":
		return "not in use"
	case "ACTIVATING":
		return "is being read"
	case "DEACTIVATING":
		return "is being taken out"
	case "DELETE_PENDING":
		return "is being deleted"
	case "ERROR":
		return "cannot be used"
	}
	return strings.ToLower(l.Status)
}

type listsView struct {
	Kinds   []listsOf
	Formats []string
	Form    url.Values
	Problem string
}

type listsOf struct {
	listKind
	Lists []listRow
}

func listFormats() []string {
	return []string{"TXT", "STIX", "OTX_CSV", "ALIEN_VAULT", "PROOF_POINT", "FIRE_EYE"}
}

func (s *server) lists(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showLists(w, r, v, nil, "")
}

func (s *server) showLists(w http.ResponseWriter, r *http.Request, v *visit, typed url.Values, problem string) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	out := listsView{Formats: listFormats(), Form: typed, Problem: problem}
	for _, k := range listKinds() {
		of := listsOf{listKind: k}
		var ids map[string][]string
		if err := s.call(v, http.MethodGet, detectorPath(detector, k.Key), nil, nil, &ids); err != nil {
			return err
		}
		for _, id := range ids[k.ids] { // at most six
			l, err := s.theList(v, detector, k, id)
			if err != nil {
				return err
			}
			of.Lists = append(of.Lists, l)
		}
		out.Kinds = append(out.Kinds, of)
	}
	return s.showForm(w, r, v, "lists", "lists", "Lists", problem, &out)
}

func (s *server) theList(v *visit, detector string, k listKind, id string) (listRow, error) {
	l := listRow{ID: id, Kind: k, Path: Root + "lists/" + k.Key + "/" + pathEscape(id)}
	err := s.call(v, http.MethodGet, detectorPath(detector, k.Key, id), nil, nil, &l)
	if problemOf(err) != "" {
		err = finding.ErrNotFound
	}
	return l, err
}

// listForm reads what every change of lists has: its form, its kind and the detector.
func (s *server) listForm(w http.ResponseWriter, r *http.Request, v *visit) (f url.Values, k listKind, detector string, err error) {
	if !v.Whole() || !v.MayManage() {
		return nil, k, "", notAllowed("Only administrators of the installation may change lists.")
	}
	if f, err = form(w, r); err != nil {
		return nil, k, "", err
	}
	key := r.PathValue("kind")
	if key == "" {
		key = f.Get("kind")
	}
	i := slices.IndexFunc(listKinds(), func(k listKind) bool { return k.Key == key })
	if i < 0 {
		return nil, k, "", finding.ErrNotFound
	}
	detector, err = s.detector(v)
	return f, listKinds()[i], detector, err
}

func (s *server) createList(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, k, detector, err := s.listForm(w, r, v)
	if err != nil {
		return err
	}
	in := listBody(f)
	in["format"], in["activate"] = f.Get("format"), f.Get("activate") != ""
	if err := s.call(v, http.MethodPost, detectorPath(detector, k.Key), nil, in, nil); err != nil {
		if problem := problemOf(err); problem != "" {
			return s.showLists(w, r, v, f, problem)
		}
		return err
	}
	return s.done(w, r, Root+"lists", "Made the list. Its state tells in a moment whether it could be read.")
}

func listBody(f url.Values) map[string]any {
	in := map[string]any{"name": strings.TrimSpace(f.Get("name")), "location": strings.TrimSpace(f.Get("location"))}
	if owner := strings.TrimSpace(f.Get("owner")); owner != "" {
		in["expectedBucketOwner"] = owner
	}
	return in
}

// changeList renames or moves a list, or switches it on or off.
func (s *server) changeList(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, k, detector, err := s.listForm(w, r, v)
	if err != nil {
		return err
	}
	var in map[string]any
	note := "Changed the list."
	switch f.Get("do") {
	case "activate":
		in, note = map[string]any{"activate": true}, "The list is being read, and judged by as soon as it is."
	case "deactivate":
		in, note = map[string]any{"activate": false}, "The list is being taken out."
	default:
		in = listBody(f)
	}
	if err := s.call(v, http.MethodPost, detectorPath(detector, k.Key, r.PathValue("id")), nil, in, nil); err != nil {
		if problem := problemOf(err); problem != "" {
			return s.showLists(w, r, v, nil, problem)
		}
		return err
	}
	return s.done(w, r, Root+"lists", note)
}

func (s *server) deleteList(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, k, detector, err := s.listForm(w, r, v)
	if err != nil {
		return err
	}
	if err := s.call(v, http.MethodDelete, detectorPath(detector, k.Key, r.PathValue("id")), nil, nil, nil); err != nil {
		return err
	}
	return s.done(w, r, Root+"lists", "The list is being deleted: it is gone when nothing is judged by it any more.")
}
