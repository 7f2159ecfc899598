// Package story says what a finding tells, in the words that people read on the
// command line and in the console.
package story

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// Info is what service.additionalInfo says of why a finding was made.
type Info struct {
	Why        string
	Actors     []finding.Actor
	MoreActors int64 // beyond those
	Records    []finding.EvidenceRecord
	// Members are all members of additionalInfo, for what is of one type only.
	Members map[string]json.RawMessage
}

// Of reads what a finding keeps of itself. Samples, and findings that others
// made, may have none of it.
func Of(f *finding.Finding) Info {
	var info Info
	if f.Service == nil || f.Service.AdditionalInfo == nil {
		return info
	}
	text := []byte(f.Service.AdditionalInfo.Value)
	var told struct {
		Why      string
		Evidence struct {
			Why        string
			Actors     []finding.Actor
			MoreActors int64
			Records    []finding.EvidenceRecord
		}
	}
	_ = json.Unmarshal(text, &told) // what can be read is told
	_ = json.Unmarshal(text, &info.Members)
	e := &told.Evidence
	info.Why, info.Actors, info.MoreActors, info.Records = e.Why, e.Actors, e.MoreActors, e.Records
	if info.Why == "" {
		info.Why = told.Why
	}
	return info
}

// Who tells of an actor what is known: of one that only flow logs or DNS
// queries show that is an address at most.
func Who(a finding.Actor) string {
	w := a.Username
	if from := strings.Join(a.SourceIPs, ", "); from != "" {
		w = Words(w, "from", from)
	}
	if a.UserAgent != "" {
		w = Words(w, "with", a.UserAgent)
	}
	return w
}

// Words are those that are not empty, with spaces between them.
func Words(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(w string) bool { return w == "" }), " ")
}

// Sentence says what happened, how often and when.
func Sentence(f *finding.Finding, info Info) string {
	what := strings.TrimSpace(f.Description)
	if what == "" {
		what = strings.TrimSpace(f.Title)
	}
	if what != "" && !strings.HasSuffix(what, ".") {
		what += "."
	}
	s := f.Service
	if s == nil || s.EventFirstSeen == "" || s.Detection != nil && s.Detection.Sequence != nil { // which says itself when
		return what
	}
	first, last := moment(s.EventFirstSeen), moment(s.EventLastSeen)
	seen := "It was seen " + times(s.Count)
	switch {
	case s.Count <= 1 || first == last:
		seen += ", at " + last
	default:
		seen += " between " + first + " and " + last
	}
	if n := int64(len(info.Actors)) + info.MoreActors; n > 1 {
		seen += fmt.Sprintf(", by %d actors", n)
	}
	return Words(what, seen+".")
}

func times(n int64) string {
	switch {
	case n <= 1:
		return "once"
	case n == 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// moment is a time of the API to the second; what is none stays as it is.
func moment(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
