package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/finding"
)

// fold folds a claim about the past into the finding it belongs to. A finding
// knows how many records it was told of, by thing and day, so that whoever tells
// the same entry again, at once or when it comes back to its list after months,
// adds no more than what is new.
func (g *governor) fold(c *detect.Recalled) error {
	r, err := g.in.Finding(c.Acts[0].Signal.Identity())
	switch {
	case errors.Is(err, finding.ErrNotFound):
		return g.foldNew(c)
	case err != nil:
		return err
	}
	return g.foldInto(r, c, nil)
}

// foldNew folds a claim of which there is no finding.
func (g *governor) foldNew(c *detect.Recalled) error {
	first := end(&c.Acts[0], "first", c.Acts[0].First)
	fold, err := g.decide(first)
	if err != nil || fold == nil {
		if err != nil {
			return err
		}
		return g.foldInto(nil, c, nil)
	}
	r, err := g.in.Finding(fold.Signal(first).Identity())
	if errors.Is(err, finding.ErrNotFound) {
		r = nil
	} else if err != nil {
		return err
	}
	// The finding knows of many claims: their things are told apart.
	claim, things := claimOf(first), slices.Clone(c.Things)
	for i := range things {
		things[i].Name = claim + "." + things[i].Name
	}
	acts := slices.Clone(c.Acts)
	for i := range acts {
		acts[i].Thing = claim + "." + acts[i].Thing
	}
	return g.foldInto(r, &detect.Recalled{Acts: acts, Things: things}, fold)
}

// foldInto folds a claim into a finding, which may be none yet, and which stands
// for many where fold says so.
func (g *governor) foldInto(r *finding.Record, c *detect.Recalled, fold *finding.Fold) error {
	news := newsOf(r, c.Things)
	if len(news) == 0 {
		return nil
	}
	count := int64(0)
	if r != nil {
		count = r.Finding.Service.Count
	}
	left := map[string]int64{} // records by thing that no actor has yet
	for _, n := range news {
		left[n.thing] = n.added
		count += n.added
	}
	acts := slices.DeleteFunc(slices.Clone(c.Acts), func(a detect.RecalledAct) bool { return left[a.Thing] == 0 })
	add := func(s *finding.Signal) bool {
		if fold == nil {
			return finding.Merge(r, s)
		}
		if !finding.Merge(r, fold.Signal(s)) {
			return false
		}
		r.AddFolded(s, fold)
		g.folded++
		return true
	}
	for i := range acts { // the earliest record of each act
		first := end(&acts[i], "first", acts[i].First)
		if r != nil {
			if add(first) {
				left[acts[i].Thing]--
			}
			continue
		}
		if fold == nil {
			r = finding.NewRecord(first)
		} else {
			r = finding.NewRecord(fold.Signal(first))
			r.AddFolded(first, fold)
			g.folded++
		}
		if err := g.anew(r, fold); err != nil {
			return err
		}
		left[acts[i].Thing]--
	}
	for i := range acts { // those between, and the latest
		a := &acts[i]
		if a.Count < 2 {
			continue
		}
		last := end(a, "last", a.Signal.Time)
		known := last.Occurrence
		if fold != nil {
			known = fold.Signal(last).Occurrence
		}
		if n := min(a.Count-2, left[a.Thing]-1); n > 0 && !slices.Contains(r.Merge.Occurrences, known) {
			countActor(r, last, n)
			left[a.Thing] -= n
		}
		if add(last) {
			left[a.Thing]--
		}
	}
	note(r, news)
	r.Finding.Service.Count = count
	return g.in.PutFinding(r)
}

// claimOf is short for the finding that a signal would have of its own.
func claimOf(s *finding.Signal) string {
	sum := sha256.Sum256([]byte(s.Identity()))
	return hex.EncodeToString(sum[:6])
}

// end is one end of an act as a signal.
func end(a *detect.RecalledAct, which string, at time.Time) *finding.Signal {
	s := *a.Signal
	s.Time, s.Evidence.Time = at, at
	s.Occurrence += ":" + which + ":" + strconv.FormatInt(at.Unix(), 10)
	return &s
}

// countActor adds to the records of the actor of a signal that is in a finding.
func countActor(r *finding.Record, s *finding.Signal, n int64) {
	for i := range r.Merge.Actors {
		a, b := &r.Merge.Actors[i], &s.Actor
		if a.Username == b.Username && a.Impersonated == b.Impersonated && a.UserAgent == b.UserAgent && slices.Equal(a.SourceIPs, b.SourceIPs) {
			a.Count += n
			return
		}
	}
}

// toldMark begins an entry, among the occurrences that a finding remembers, with
// a thing and the numbers of records of each day that the finding was told of.
const (
	toldMark  = "history="
	maxMarks  = 256 // things of a finding
	maxMarked = 400 // days of a thing
)

// news is what of a thing a finding was not told of.
type news struct {
	thing string
	days  map[int64]int64 // with what it was told of
	added int64
}

// newsOf is what is new of things to a finding, which may be none yet.
func newsOf(r *finding.Record, things []detect.RecalledThing) (out []news) {
	marks := map[string]string{}
	if r != nil {
		for _, o := range r.Merge.Occurrences {
			if text, ok := strings.CutPrefix(o, toldMark); ok {
				thing, days, _ := strings.Cut(text, "=")
				marks[thing] = days
			}
		}
	}
	for _, t := range things {
		n := news{thing: t.Name, days: readDays(marks[t.Name])}
		for _, d := range t.Days {
			if more := d.Count - n.days[d.Day]; more > 0 {
				n.days[d.Day] += more
				n.added += more
			}
		}
		if n.added > 0 {
			out = append(out, n)
		}
	}
	return out
}

// note makes a finding remember what it was told of, in the place of what it
// remembered of the same things.
func note(r *finding.Record, list []news) {
	m := &r.Merge
	var marks []string
	m.Occurrences = slices.DeleteFunc(m.Occurrences, func(o string) bool {
		text, is := strings.CutPrefix(o, toldMark)
		if !is {
			return false
		}
		thing, _, _ := strings.Cut(text, "=")
		if !slices.ContainsFunc(list, func(n news) bool { return n.thing == thing }) {
			marks = append(marks, o)
		}
		return true
	})
	for _, n := range list {
		marks = append(marks, toldMark+n.thing+"="+writeDays(n.days))
	}
	m.Occurrences = append(m.Occurrences, marks[max(0, len(marks)-maxMarks):]...)
}

func readDays(text string) map[int64]int64 {
	days := map[int64]int64{}
	for part := range strings.SplitSeq(text, ",") {
		day, n, _ := strings.Cut(part, ":")
		d, err1 := strconv.ParseInt(day, 10, 64)
		c, err2 := strconv.ParseInt(n, 10, 64)
		if err1 == nil && err2 == nil {
			days[d] = c
		}
	}
	return days
}

func writeDays(days map[int64]int64) string {
	list := slices.Sorted(maps.Keys(days))
	var b strings.Builder
	for i, d := range list[max(0, len(list)-maxMarked):] {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d", d, days[d])
	}
	return b.String()
}
