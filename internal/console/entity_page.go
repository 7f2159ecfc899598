package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of the page of an entity.
const (
	entityFindings = 1000 // that are counted
	entityPage     = 25
	entityPeers    = 15
)

// entityView is the page of an entity.
type entityView struct {
	entity
	Total       int
	AtLeast     bool // there are more than were counted
	Archived    int
	Tiles       []tile
	Types       []typeCount
	First, Last time.Time
	Findings    []*finding.Finding
	Previous    string
	Next        string
	Place       []fact
	Peers       []peer
	Profile     *profileView
	Models      []modelState
	Lists       *intel.Explanation
	ListsWhy    string       // there is nothing of lists
	Listed      []fieldValue // what findings say that lists say
}

type typeCount struct {
	Type     string
	Severity float64
	Count    int
}

// peer is another entity that the same findings name.
type peer struct {
	entity
	Count int
}

func (s *server) entity(w http.ResponseWriter, r *http.Request, v *visit) error {
	out := entityView{entity: entity{r.PathValue("kind"), r.PathValue("id")}}
	named := out.namedBy()
	if named == nil || !out.Known() {
		return errNoPage
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	home, account := s.kept(v)
	hits, more, err := s.Store.Naming(r.Context(), store.NamingQuery{DetectorID: home, Account: account, AnyOf: named, Limit: entityFindings})
	if err != nil {
		return err
	}
	out.AtLeast = more
	out.count(hits)
	from := 0
	if n, err := strconv.Atoi(r.URL.Query().Get("from")); err == nil {
		from = min(max(n, 0), len(hits))
	}
	here := hits[from:min(from+entityPage, len(hits))]
	if from > 0 {
		out.Previous = out.Href() + "?from=" + strconv.Itoa(max(from-entityPage, 0))
	}
	if from+entityPage < len(hits) {
		out.Next = out.Href() + "?from=" + strconv.Itoa(from+entityPage)
	}
	var ids []string
	for _, h := range here {
		ids = append(ids, h.ID)
	}
	if out.Findings, err = s.get(v, detector, ids); err != nil {
		return err
	}
	if err := out.peers(); err != nil {
		return err
	}
	out.Place = out.place()
	out.Profile = profileOf(out.entity, out.Findings)
	if out.hasProfile() {
		if out.Models, err = s.models(v, out.Findings); err != nil {
			return err
		}
	}
	s.look(&out)
	return s.show(w, r, v, "entity", "entities", shown(clip(100, out.ID)), out)
}

// count tells of all findings that name it.
func (e *entityView) count(hits []store.NamedFinding) {
	e.Total = len(hits)
	counts, types := map[string]int64{}, map[string]*typeCount{}
	for i := range hits {
		h := &hits[i]
		if h.Archived {
			e.Archived++
		} else {
			counts[severity(h.Severity)]++
		}
		if types[h.Type] == nil {
			types[h.Type] = &typeCount{Type: h.Type}
		}
		types[h.Type].Count++
		types[h.Type].Severity = max(types[h.Type].Severity, h.Severity)
		if e.First.IsZero() || h.Created.Before(e.First) {
			e.First = h.Created
		}
		if h.Updated.After(e.Last) {
			e.Last = h.Updated
		}
	}
	for _, sev := range severities() {
		e.Tiles = append(e.Tiles, tile{Severity: sev, Count: counts[sev]})
	}
	for _, t := range types {
		e.Types = append(e.Types, *t)
	}
	slices.SortFunc(e.Types, func(a, b typeCount) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Count, a.Count), strings.Compare(a.Type, b.Type))
	})
	e.Types = e.Types[:min(len(e.Types), 20)]
}

// peers are who else is named by the findings of the page.
func (e *entityView) peers() error {
	counts := map[entity]int{}
	for _, f := range e.Findings {
		all, err := entitiesOf(f)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other != e.entity {
				counts[other]++
			}
		}
	}
	for other, n := range counts {
		e.Peers = append(e.Peers, peer{other, n})
	}
	slices.SortFunc(e.Peers, func(a, b peer) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	e.Peers = e.Peers[:min(len(e.Peers), entityPeers)]
	return nil
}

// place is what the newest finding that knows it says of where the entity is.
func (e *entityView) place() []fact {
	skip := []string{"Account", "Region"}
	for _, f := range e.Findings {
		if e.Kind == "address" {
			if ip := remoteIn(f); ip != nil && cmp.Or(ip.IPAddressV4, ip.IPAddressV6) == e.ID {
				var g factGroup
				remoteOf(&g, "", ip)
				if len(g.Facts) > 1 {
					return g.Facts[1:]
				}
			}
			continue
		}
		for _, g := range factsOf(f) {
			if g.Name != "Where" {
				continue
			}
			facts := slices.DeleteFunc(g.Facts, func(f fact) bool { return f.Entity == e.entity || slices.Contains(skip, f.Name) })
			if e.Kind != "principal" && e.Kind != "user" && e.Kind != "key" && e.Kind != "domain" && e.Kind != "cluster" && e.Kind != "image" {
				return facts
			}
		}
	}
	return nil
}

func remoteIn(f *finding.Finding) *finding.RemoteIPDetails {
	if f.Service == nil || f.Service.Action == nil {
		return nil
	}
	switch a := f.Service.Action; {
	case a.AWSAPICallAction != nil:
		return a.AWSAPICallAction.RemoteIPDetails
	case a.NetworkConnectionAction != nil:
		return a.NetworkConnectionAction.RemoteIPDetails
	case a.KubernetesAPICallAction != nil:
		return a.KubernetesAPICallAction.RemoteIPDetails
	case a.RDSLoginAttemptAction != nil:
		return a.RDSLoginAttemptAction.RemoteIPDetails
	}
	return nil
}
