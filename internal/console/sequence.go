package console

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/story"
)

// sequencesView is the list of attack sequences.
type sequencesView struct {
	Archived bool
	List     []sequenceRow
	Next     string
}

type sequenceRow struct {
	*finding.Finding
	Signals int
	Tactics []string
}

const sequencesPage = 25

func (s *server) sequences(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := sequencesView{Archived: q.Get("archived") == "true"}
	c := finding.Criteria{
		"type":             {Equals: sequenceTypes()}, // rather than the resource type: an index has it
		"service.archived": {Equals: []string{strconv.FormatBool(out.Archived)}},
	}
	ids, next, err := s.list(v, detector, c, finding.Sort{Field: "updatedAt", Descending: true}, sequencesPage, q.Get("token"))
	if err != nil {
		return err
	}
	fs, err := s.get(v, detector, ids)
	if err != nil {
		return err
	}
	for _, f := range fs {
		row := sequenceRow{Finding: f}
		if d := f.Service.Detection; d != nil && d.Sequence != nil {
			row.Signals, row.Tactics = len(d.Sequence.Signals), indicated(d.Sequence.SequenceIndicators, "ATTACK_TACTIC")
		}
		out.List = append(out.List, row)
	}
	if next != "" {
		out.Next = "?" + url.Values{"token": {next}, "archived": {strconv.FormatBool(out.Archived)}}.Encode()
	}
	return s.show(w, r, v, "sequences", "sequences", "Attack sequences", out)
}

func sequenceTypes() (types []string) {
	for _, t := range finding.Catalog() {
		if t.ResourceType == "AttackSequence" {
			types = append(types, t.Name)
		}
	}
	return types
}

func indicated(list []finding.Indicator, key string) []string {
	for _, i := range list {
		if i.Key == key {
			return i.Values
		}
	}
	return nil
}

// sequenceView is what the page of a sequence has beside that of any finding.
type sequenceView struct {
	Picture template.HTML
	Signals []signalView
	Stages  []stageView
	Links   []string
	LeftOut int
	Also    []string
	Seen    []fieldValue // indicators: listed addresses, programs, calls
}

// signalView is a step, in order of time.
type signalView struct {
	finding.SequenceSignal
	N        int
	First    time.Time
	Last     time.Time
	Tactics  []string
	Href     string // of the finding; "": harmless alone, or gone
	Weak     bool
	Entities []laneEntity // the first few
	More     int          // beyond those
	all      []laneEntity
}

type stageView struct {
	Stage, Signal string
	Surprise      float64
	Time          string
	Finding       bool
}

// maxSignals is how many steps a page shows; the correlator keeps no more.
const maxSignals = 64

// perSignal is how many entities the list names of a step.
const perSignal = 3

// sequenceOf is the sequence that a finding tells; nil for any other finding.
func (s *server) sequenceOf(v *visit, detector string, f *finding.Finding, info story.Info) (*sequenceView, error) {
	if f.Service.Detection == nil || f.Service.Detection.Sequence == nil {
		return nil, nil
	}
	seq := f.Service.Detection.Sequence
	signals := slices.Clone(seq.Signals[:min(len(seq.Signals), maxSignals)])
	slices.SortStableFunc(signals, func(a, b finding.SequenceSignal) int {
		return cmp.Or(epoch(a.FirstSeenAt).Compare(epoch(b.FirstSeenAt)), strings.Compare(a.UID, b.UID))
	})
	var ids []string
	for _, g := range signals {
		if g.Type == "FINDING" && isID(g.UID) && len(ids) < 50 { // as many as one call gives
			ids = append(ids, g.UID)
		}
	}
	there, err := s.get(v, detector, ids)
	if err != nil {
		return nil, err
	}
	out := &sequenceView{Also: seq.AdditionalSequenceTypes}
	lanes := lanesOf(seq)
	for i, g := range signals {
		one := signalView{SequenceSignal: g, N: i + 1, First: epoch(g.FirstSeenAt), Last: epoch(g.LastSeenAt), Weak: g.Type != "FINDING",
			Tactics: indicated(g.SignalIndicators, "ATTACK_TACTIC"), all: lanes.of(&g)}
		one.Entities = one.all[:min(len(one.all), perSignal)]
		one.More = len(one.all) - len(one.Entities)
		if slices.ContainsFunc(there, func(f *finding.Finding) bool { return f.ID == g.UID }) {
			one.Href = findingPath(g.UID)
		}
		out.Signals = append(out.Signals, one)
	}
	var path []struct{ From, How, To string }
	decode(info.Members["path"], &path)
	for _, l := range path {
		out.Links = append(out.Links, joined(" ", lanes.name(l.From), l.How, lanes.name(l.To)))
		lanes.link(l.From, l.To)
	}
	decode(info.Members["stages"], &out.Stages)
	decode(info.Members["signalsLeftOut"], &out.LeftOut)
	out.LeftOut += len(seq.Signals) - len(signals)
	for _, i := range seq.SequenceIndicators {
		if i.Key != "ATTACK_TACTIC" && i.Key != "ATTACK_TECHNIQUE" {
			out.Seen = append(out.Seen, fieldValue{cmp.Or(i.Title, i.Key), strings.Join(i.Values[:min(len(i.Values), 20)], ", ")})
		}
	}
	out.Picture = drawLanes("Signals of the attack by entity and time", lanes.shown(out.Signals), out.Signals, lanes.links)
	return out, nil
}
