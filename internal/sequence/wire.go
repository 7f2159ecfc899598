package sequence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// severity is that of all attack sequences: Critical.
const severity = 9

// Record writes a sequence as the finding that it is. of returns the findings
// that its signals are, by identity; nil where one is gone.
func (s *Sequence) Record(home finding.Home, of func(identity string) *finding.Finding) *finding.Record {
	w := &writer{s: s, of: of}
	strong := s.strong()
	place := finding.Home{Account: strong[0].Account, Region: strong[0].Region}
	for _, n := range strong { // by name, so that a late signal seldom changes it
		if n.Account+n.Region < place.Account+place.Region {
			place = finding.Home{Account: n.Account, Region: n.Region}
		}
	}
	home = cmp.Or(home, place)
	det := finding.DetectorID(home.Account, home.Region)
	f := &finding.Finding{
		AccountID: place.Account, Region: place.Region, Partition: finding.Partition(place.Region), SchemaVersion: "2.0",
		ID: s.ID, ARN: finding.DetectorARN(home.Account, home.Region, det) + "/finding/" + s.ID,
		Type: s.Type, Severity: severity, Confidence: math.Round(s.Score*100) / 100,
		CreatedAt: finding.Timestamp(s.First), UpdatedAt: finding.Timestamp(s.Last),
		Resource: &finding.Resource{ResourceType: "AttackSequence"},
	}
	f.Title, f.Description = s.title(), s.description()
	f.Service = &finding.Service{
		ServiceName: "guardduty", DetectorID: det, FeatureName: "Correlation", Count: 1,
		EventFirstSeen: f.CreatedAt, EventLastSeen: f.UpdatedAt,
		AdditionalInfo: s.additionalInfo(), Detection: &finding.Detection{Sequence: w.sequence(f)},
	}
	return &finding.Record{Finding: f, Merge: finding.State{Identity: s.Identity(), First: s.First, Last: s.Last, Why: s.why()}}
}

// Identity is the key under which the finding of a sequence is stored.
func (s *Sequence) Identity() string { return "AttackSequence\x1f" + s.ID }

// Members are the identities of its findings, in order: all of them, whichever
// signals are kept, since those change while it grows.
func (s *Sequence) Members() []string {
	out := slices.Clone(s.members)
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Sequence) strong() (out []*Note) {
	for _, n := range s.Notes {
		if n.Strong() {
			out = append(out, n)
		}
	}
	return out
}

// About is what the sequence happened to, in words.
func (s *Sequence) About() string {
	kind, id, _ := strings.Cut(s.root, ":")
	switch kind {
	case "eks":
		return "EKS cluster " + id[strings.LastIndexByte(id, '/')+1:]
	case "ecs":
		return "ECS cluster " + id[strings.LastIndexByte(id, '/')+1:]
	case kindPrincipal:
		return "credentials of " + id
	case kindKey:
		return "access key " + id
	}
	return kind + " " + id
}

func (s *Sequence) title() string {
	what := "Potential compromise of "
	if s.Type == TypeS3 {
		what += "data in S3 by "
	}
	return fmt.Sprintf("%s%s: %d stages of an attack", what, s.About(), len(s.Stages))
}

func (s *Sequence) stageNames() string {
	var names []string
	for _, st := range s.Stages {
		names = append(names, st.Name)
	}
	return strings.Join(names, ", ")
}

func (s *Sequence) description() string {
	text := fmt.Sprintf("%d signals between %s and %s belong together and show %d stages of an attack on %s: %s.", len(s.Notes)+s.LeftOut,
		s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339), len(s.Stages), s.About(), s.stageNames())
	if p := s.pathText(); p != "" {
		text += " " + p
	}
	return text
}

// maxPath is how many links a description tells.
const maxPath = 6

func (s *Sequence) pathText() string {
	parts := s.PathWords()
	if len(parts) == 0 {
		return ""
	}
	return "How they are linked: " + strings.Join(parts[:min(len(parts), maxPath)], "; ") + "."
}

// PathWords are the links between the entities of a sequence, in words.
func (s *Sequence) PathWords() []string {
	var parts []string
	for _, e := range s.Path {
		parts = append(parts, shortName(e.From)+" "+e.How+" "+shortName(e.To))
	}
	return parts
}

// shortName is an entity in a sentence.
func shortName(e Entity) string {
	id := e.ID()
	switch e.Kind() {
	case kindPod, kindAccount, kindWorkload, kindNode, kindKubeUser: // without account, Region and cluster
		if p := strings.SplitN(id, "/", 4); len(p) == 4 {
			id = p[3]
		}
	case kindRole, kindProfile, kindFunction:
		id = id[strings.LastIndexAny(id, ":/")+1:]
	}
	return words(e.Kind()) + " " + id
}

func words(kind string) string {
	switch kind {
	case kindAccount:
		return "service account"
	case kindSubject:
		return "service account"
	case kindUser:
		return "IAM user"
	case kindKubeUser:
		return "user"
	case kindKey:
		return "access key"
	}
	return kind
}

func (s *Sequence) why() string {
	return fmt.Sprintf("%d stages within the window add up to %.2f, less %.2f for the choice of stages and %.1f for a second one without a finding, plus %.1f for their order: %.2f, where %d is asked for",
		len(s.Stages), s.Sum, s.Choice, s.Weak, s.Order, s.Score, minScore)
}

// Step is a stage as additionalInfo and `vedette sequences` show it.
type Step struct {
	Stage    string  `json:"stage"`
	Signal   string  `json:"signal"`
	Surprise float64 `json:"surprise"`
	Time     string  `json:"time"`
	Strong   bool    `json:"finding"`
}

// Steps are the stages that count, in the order of an attack.
func (s *Sequence) Steps() []Step {
	var out []Step
	for _, st := range s.Stages {
		out = append(out, Step{st.Name, st.Note.Name, math.Round(st.Surprise*100) / 100, finding.Timestamp(st.Note.First), st.Note.Strong()})
	}
	return out
}

func (s *Sequence) additionalInfo() *finding.ServiceAdditionalInfo {
	type link struct {
		From Entity `json:"from"`
		How  string `json:"how"`
		To   Entity `json:"to"`
	}
	v := struct {
		Why     string  `json:"why"`
		Score   float64 `json:"score"`
		Stages  []Step  `json:"stages"`
		Path    []link  `json:"path,omitempty"`
		LeftOut int     `json:"signalsLeftOut,omitempty"`
	}{Why: s.why(), Score: math.Round(s.Score*100) / 100, Stages: s.Steps(), LeftOut: s.LeftOut}
	for _, e := range s.Path {
		v.Path = append(v.Path, link{e.From, e.How, e.To})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // strings and numbers only: cannot fail
		return &finding.ServiceAdditionalInfo{Value: "{}", Type: "default"}
	}
	return &finding.ServiceAdditionalInfo{Value: strings.TrimSpace(b.String()), Type: "default"}
}
