package console

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxNew is how many new findings are counted.
const maxNew = 100

// newFindings counts the findings of a list that came after the newest one
// that its reader has seen, for the script of the page.
func (s *server) newFindings(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	since, err := strconv.ParseInt(q.Get("since"), 10, 64)
	if err != nil {
		return badFilter("since: must be a number")
	}
	f, err := parseFilter(q)
	if err != nil {
		return err
	}
	var out struct {
		Count int  `json:"count"`
		More  bool `json:"more"` // than that
	}
	query, none, err := s.storeQuery(v, &f)
	if err != nil {
		return err
	}
	if !none {
		query.Limit = maxNew
		if out.Count, err = s.Store.CountFindingsSince(r.Context(), query, strings.Fields(f.Words), since); err != nil {
			return err
		}
	}
	out.More = out.Count == maxNew
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(out)
}
