package finding

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Bounds of what a finding keeps. They bound a finding's size at about 40 KiB.
const (
	MaxRawEvidence  = 4 << 10 // bytes of one raw record
	maxEvidenceEnds = 4       // earliest and latest records kept, each
	maxActors       = 100     // distinct actors kept; more are counted
	maxOccurrences  = 1024    // recent occurrences remembered, to count none twice
)

// Record is a finding as it rests in a store: the wire form and what merging
// needs to know beyond it.
type Record struct {
	Finding *Finding `json:"finding"`
	Merge   State    `json:"merge"`

	untold bool // signals were added since Tell
	// Of a record that many signals are added to: the occurrences of the state,
	// for as long as there are so many.
	known map[string]struct{}
	many  int
	added int // signals, to this copy of the record
}

// State is the memory of a finding between merges.
type State struct {
	// Identity is type, scope and key; a store keeps it unique per detector.
	Identity string `json:"identity"`
	// First and Last are event times; LastOccurrence breaks ties between two
	// records of the same moment, so that "latest" does not depend on arrival.
	First          time.Time `json:"first"`
	Last           time.Time `json:"last"`
	LastOccurrence string    `json:"lastOccurrence"`
	// Occurrences are the most recent ones, oldest first.
	Occurrences []string         `json:"occurrences"`
	Why         string           `json:"why"`
	Info        map[string]any   `json:"info,omitempty"`
	Actors      []Actor          `json:"actors"`
	MoreActors  int64            `json:"moreActors,omitempty"`
	Earliest    []EvidenceRecord `json:"earliest"`
	Latest      []EvidenceRecord `json:"latest,omitempty"`
	// Folded is of a finding that stands for others.
	Folded *Folded `json:"folded,omitempty"`
}

// Identity is the key under which a signal's finding is stored.
func (s *Signal) Identity() string {
	return strings.Join([]string{s.Type, s.Account, s.Region, s.Cluster, s.Key}, "\x1f")
}

// ScopeOf is the scope in an identity; false where it is none of a signal.
func ScopeOf(identity string) (event.Scope, bool) {
	parts := strings.SplitN(identity, "\x1f", 5)
	if len(parts) != 5 {
		return event.Scope{}, false
	}
	return event.Scope{Account: parts[1], Region: parts[2], Cluster: parts[3]}, true
}

// hexID derives 32 lower-case hex digits, the form of GuardDuty's ids.
func hexID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// DetectorID is the id of the one detector of an account and Region. It is
// derived, not drawn, so that findings of two runs are the same bytes.
func DetectorID(account, region string) string { return hexID("detector", account, region) }

// Partition is the ARN partition that a Region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// DetectorARN names a detector.
func DetectorARN(account, region, detectorID string) string {
	return "arn:" + Partition(region) + ":guardduty:" + region + ":" + account + ":detector/" + detectorID
}

// NewRecord starts a finding from its first signal. The id comes from the
// incident and that first occurrence.
func NewRecord(s *Signal) *Record {
	identity := s.Identity()
	id := hexID("finding", identity, s.Occurrence)
	home := cmp.Or(s.Home, Home{s.Account, s.Region})
	det := DetectorID(home.Account, home.Region)
	r := &Record{
		Finding: &Finding{
			AccountID:     s.Account,
			ARN:           DetectorARN(home.Account, home.Region, det) + "/finding/" + id,
			ID:            id,
			Partition:     Partition(s.Region),
			Region:        s.Region,
			SchemaVersion: "2.0",
			Type:          s.Type,
			Service:       &Service{ServiceName: "guardduty", DetectorID: det},
		},
		Merge: State{Identity: identity, First: s.Time},
	}
	Merge(r, s)
	return r
}

// Merge folds a signal into a finding and reports whether it said anything
// new. The result does not depend on the order of signals of different times:
// details come from the latest, first and last seen are extremes, and the
// evidence kept is the earliest and the latest few.
func Merge(r *Record, s *Signal) bool {
	if !r.Add(s) {
		return false
	}
	r.Tell()
	return true
}

// Add is Merge for who adds many signals, and calls Tell after the last.
func (r *Record) Add(s *Signal) bool {
	m, f := &r.Merge, r.Finding
	if !r.remember(s.Occurrence) {
		return false
	}
	f.Service.Count++
	if s.Time.Before(m.First) {
		m.First = s.Time
	}
	m.addActor(s)
	m.addEvidence(s.Evidence)
	if later(s.Time, s.Occurrence, m.Last, m.LastOccurrence) {
		m.Last, m.LastOccurrence, m.Why, m.Info = s.Time, s.Occurrence, s.Why, s.Info
		res, act := s.Resource, s.Action
		f.Title, f.Description = s.Title, s.Description
		f.Resource, f.Service.Action = &res, &act
		if act.ActionType == "" { // what processes do to files and each other
			f.Service.Action = nil
		}
		f.Service.ResourceRole, f.Service.FeatureName, f.Service.RuntimeDetails = s.role(), s.Feature, s.Runtime
		f.Service.Detection, f.CustomDetectionRuleName = s.Detection, s.Rule
		f.Service.Evidence = nil
		if len(s.Intel) > 0 {
			f.Service.Evidence = &Evidence{ThreatIntelligenceDetails: s.Intel}
		}
	}
	f.Severity = max(f.Severity, s.Severity)
	f.CreatedAt, f.UpdatedAt = Timestamp(m.First), Timestamp(m.Last)
	f.Service.EventFirstSeen, f.Service.EventLastSeen = f.CreatedAt, f.UpdatedAt
	r.untold = true
	return true
}

// Tell writes out what the finding says of all signals that were added.
func (r *Record) Tell() {
	if !r.untold {
		return
	}
	r.untold = false
	if r.Merge.Folded != nil {
		r.Merge.Folded.tell(r)
	}
	r.Finding.Service.AdditionalInfo = r.Merge.additionalInfo(r.Finding.Type, r.Finding.Service.Count)
}

// remember notes an occurrence; false if it is known.
func (r *Record) remember(occurrence string) bool {
	const worth = 32 // an index, if so many are added
	m := &r.Merge
	if r.added++; r.added > worth && (r.known == nil || r.many != len(m.Occurrences)) { // or somebody else changed the state
		r.known = make(map[string]struct{}, len(m.Occurrences)+1)
		for _, o := range m.Occurrences {
			r.known[o] = struct{}{}
		}
	}
	if r.known == nil {
		if slices.Contains(m.Occurrences, occurrence) {
			return false
		}
	} else if _, ok := r.known[occurrence]; ok {
		return false
	} else {
		r.known[occurrence] = struct{}{}
	}
	m.Occurrences = append(m.Occurrences, occurrence)
	if over := len(m.Occurrences) - maxOccurrences; over > 0 {
		for _, o := range m.Occurrences[:over] {
			delete(r.known, o)
		}
		m.Occurrences = slices.Delete(m.Occurrences, 0, over)
	}
	r.many = len(m.Occurrences)
	return true
}

func later(t time.Time, id string, than time.Time, thanID string) bool {
	if c := t.Compare(than); c != 0 {
		return c > 0
	}
	return id > thanID
}

func (m *State) addActor(s *Signal) {
	at := slices.IndexFunc(m.Actors, s.Actor.same)
	switch {
	case at >= 0:
		a := &m.Actors[at]
		a.Count++
		if s.Time.After(a.LastSeen) {
			a.LastSeen = s.Time
		}
		if !s.Time.Before(a.FirstSeen) {
			return // nor does the order change
		}
		a.FirstSeen = s.Time
	case len(m.Actors) >= maxActors:
		m.MoreActors++
		return
	default:
		a := s.Actor
		a.Count, a.FirstSeen, a.LastSeen = 1, s.Time, s.Time
		m.Actors = append(m.Actors, a)
	}
	slices.SortFunc(m.Actors, func(x, y Actor) int {
		return cmp.Or(x.FirstSeen.Compare(y.FirstSeen), strings.Compare(x.identity(), y.identity()))
	})
}

// addEvidence keeps the earliest and the latest records. Which are kept
// depends on the records alone, never on the order of their arrival.
func (m *State) addEvidence(e EvidenceRecord) {
	all := append(append(slices.Clone(m.Earliest), m.Latest...), e)
	slices.SortFunc(all, func(x, y EvidenceRecord) int {
		return cmp.Or(x.Time.Compare(y.Time), strings.Compare(x.AuditID+x.EventID+x.Stage, y.AuditID+y.EventID+y.Stage))
	})
	if len(all) <= maxEvidenceEnds {
		m.Earliest, m.Latest = all, nil
		return
	}
	m.Earliest = all[:maxEvidenceEnds:maxEvidenceEnds]
	m.Latest = all[max(maxEvidenceEnds, len(all)-maxEvidenceEnds):]
}

type evidence struct {
	Why        string           `json:"why"`
	Actors     []Actor          `json:"actors"`
	MoreActors int64            `json:"moreActors,omitempty"`
	Records    []EvidenceRecord `json:"records"`
}

func (m *State) additionalInfo(typ string, count int64) *ServiceAdditionalInfo {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	v := make(map[string]any, len(m.Info)+2)
	maps.Copy(v, m.Info)
	v["evidence"] = evidence{
		Why: m.Why, Actors: m.Actors, MoreActors: m.MoreActors,
		Records: slices.Concat(m.Earliest, m.Latest),
	}
	if m.Folded != nil {
		v["aggregate"] = m.Folded.info(typ, count)
	}
	if err := enc.Encode(v); err != nil { // strings, numbers and times only: cannot fail
		return &ServiceAdditionalInfo{Value: "{}", Type: "default"}
	}
	return &ServiceAdditionalInfo{Value: strings.TrimSpace(b.String()), Type: "default"}
}
