package console

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/story"
)

// findingView is the page of a finding.
type findingView struct {
	*finding.Finding
	Path      string
	Sentence  string
	Sample    bool
	About     finding.Type // of the catalogue; without a name when it is none of it
	AboutPath string
	Sequence  string // path of the attack sequence that it belongs to
	Why       whyView
	Facts     []factGroup
	Actors    []finding.Actor
	More      int64 // actors that are not shown
	Moments   []moment
	Records   []recordView
	Tree      *processNode
	Related   relatedView
	Steps     []string
	Commands  []command
	Lanes     *sequenceView
}

func (s *server) finding(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, isJSON := strings.CutSuffix(r.PathValue("id"), ".json")
	if isJSON {
		return s.findingJSON(w, v, id)
	}
	detector, f, err := s.theFinding(v, id)
	if err != nil {
		return err
	}
	info := story.Of(f)
	p := findingView{Finding: f, Path: findingPath(f.ID), Sentence: story.Sentence(f, info), Sample: isSample(info)}
	p.About, _ = finding.Lookup(f.Type)
	p.AboutPath = typePath(f.Type)
	if id := idOfARN(f.AssociatedAttackSequenceARN); isID(id) {
		p.Sequence = findingPath(id)
	}
	p.Why = whyOf(f, info)
	if p.Why.Rule != nil && v.Whole() {
		p.Why.Rule.Path = rulePath(p.Why.Rule.ID)
	}
	p.Facts = factsOf(f)
	p.Actors, p.More = info.Actors, info.MoreActors
	if over := len(p.Actors) - shownActors; over > 0 {
		p.Actors, p.More = p.Actors[:shownActors], p.More+int64(over)
	}
	p.Moments = momentsOf(info)
	p.Records = recordsOf(info, telling(f, info))
	p.Tree = treeOf(f)
	if p.Related, err = s.related(v, detector, f); err != nil {
		return err
	}
	p.Steps = filled(stepsOf(p.About, info), f)
	p.Commands = commandsOf(f)
	if p.Lanes, err = s.sequenceOf(v, detector, f, info); err != nil {
		return err
	}
	here := "findings"
	if p.Lanes != nil {
		here = "sequences"
	}
	return s.show(w, r, v, "finding", here, shown(clip(120, f.Title)), p)
}

// shownActors is how many actors a page tells of.
const shownActors = 25

// isSample says whether nobody detected it: CreateSampleFindings made it.
func isSample(info story.Info) bool { return string(info.Members["sample"]) == "true" }

// idOfARN is the id of the finding that an ARN names.
func idOfARN(arn string) string {
	_, id, _ := strings.Cut(arn, "/finding/")
	return id
}

// isID says whether the API takes a text for the id of a finding.
func isID(id string) bool { return id != "" && utf8.RuneCountInString(id) <= 300 }

// stepsOf are what to do: what the rule says, and what the catalogue says.
func stepsOf(about finding.Type, info story.Info) []string {
	var own []string
	decode(info.Members["remediation"], &own)
	if len(own) > 0 {
		return own
	}
	return about.Remediation
}

// moment is something in the course of what a finding tells.
type moment struct {
	At     time.Time
	Text   string
	Detail string // foreign
}
