package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// auditSize is how many entries a page has.
const auditSize = 50

// auditView is a page of the audit log.
type auditView struct {
	Actor, Operation, From, To string // what is asked for
	Entries                    []auditRow
	Older, Newest              string // addresses; "": none
	Problem                    string
}

type auditRow struct {
	store.AuditEntry
	Outcome string // in words
	OK      bool
	ByActor string // the log of the actor alone
}

func (s *server) auditlog(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.MayManage() {
		return notAllowed("Only administrators may read the audit log.")
	}
	q := r.URL.Query()
	a := auditView{Actor: strings.TrimSpace(q.Get("actor")), Operation: strings.TrimSpace(q.Get("operation")), From: q.Get("from"), To: q.Get("to")}
	asked := store.AuditQuery{Actor: a.Actor, Operation: a.Operation, Limit: auditSize}
	var bad bool
	asked.Since, bad = dayOf(a.From, false)
	if bad {
		a.Problem = "The first day is none: write it as 2026-12-31."
	}
	if asked.Until, bad = dayOf(a.To, true); bad {
		a.Problem = "The last day is none: write it as 2026-12-31."
	}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64)
	entries, more, err := s.Store.AuditPage(r.Context(), asked, v.key.Account, before)
	if err != nil {
		return err
	}
	for _, e := range entries {
		row := auditRow{AuditEntry: e, ByActor: Root + "audit?" + url.Values{"actor": {e.Actor}}.Encode()}
		row.Outcome, row.OK = outcomeOf(&e)
		a.Entries = append(a.Entries, row)
	}
	q.Del("before")
	if before > 0 {
		a.Newest = Root + "audit?" + q.Encode()
	}
	if more {
		q.Set("before", strconv.FormatInt(entries[len(entries)-1].N, 10))
		a.Older = Root + "audit?" + q.Encode()
	}
	return s.show(w, r, v, "audit", "audit", "Audit log", &a)
}

// outcomeOf says how a change ended.
func outcomeOf(e *store.AuditEntry) (words string, ok bool) {
	switch {
	case e.Status == 0:
		return "no answer: it runs still, or died and may have had its effect", false
	case e.Status == http.StatusForbidden:
		return "refused: " + e.Code, false
	case e.Status >= 300:
		return strconv.Itoa(e.Status) + " " + e.Code, false
	}
	return "done", true
}

// dayOf reads a day; next is the begin of the one after it. "" is no day.
func dayOf(text string, next bool) (at time.Time, bad bool) {
	if text == "" {
		return time.Time{}, false
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, true
	}
	if next {
		at = at.AddDate(0, 0, 1)
	}
	return at, false
}
