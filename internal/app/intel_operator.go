package app

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/format"
)

// operatorPart is the name of the part that the operator's files make of a set.
const operatorPart = "operator"

// operatorFile is a list that the configuration names.
type operatorFile struct {
	config.List
	key   string // in the configuration
	holds intel.Holds
}

func operatorFiles(c *config.Config) (out []operatorFile) {
	for i, l := range c.Detection.ThreatLists {
		l.Category = cmp.Or(l.Category, string(intel.Custom))
		out = append(out, operatorFile{l, fmt.Sprintf("detection.threatLists[%d]", i), intel.HoldsThreats})
	}
	for i, l := range c.Detection.TrustedLists {
		l.Category = ""
		out = append(out, operatorFile{l, fmt.Sprintf("detection.trustedLists[%d]", i), intel.HoldsTrusted})
	}
	return out
}

// OperatorFile is how a list that the configuration names is, as it was read.
type OperatorFile struct {
	Name, Path string
	Holds      intel.Holds
	Entries    int // in force
	// Fault is what is wrong, with the line if it is one; nil if nothing is.
	// Then LeftOut is how many lines are left out, the others being in force; or
	// 0 if the whole file is of no use, and what it said at Kept is in force.
	Fault   error
	LeftOut int
	Kept    time.Time
	Note    string // of what is well-formed and of no use

	content []byte // what is in force, if it is from the file itself
}

// The states of a list of the operator's.
const (
	fileOK     = "ok"
	fileFaulty = "faulty" // without some lines
	fileKept   = "kept"   // what it said before is in force
)

func (f *OperatorFile) state() string {
	switch {
	case f.Fault == nil:
		return fileOK
	case f.LeftOut > 0:
		return fileFaulty
	}
	return fileKept
}

// Remedy says what is in force of a file with a fault, and what to do.
func (f *OperatorFile) Remedy() string {
	if f.LeftOut > 0 {
		lines := "this line is left out"
		if f.LeftOut > 1 {
			lines = fmt.Sprintf("this and %d other lines are left out", f.LeftOut-1)
		}
		return fmt.Sprintf("%s, the %d entries of the others are in force; correct or delete what is wrong: a running server reads the file again within seconds", lines, f.Entries)
	}
	return fmt.Sprintf("what it said at %s is in force, %d entries; bring a good file: a running server reads it within seconds", f.Kept.UTC().Format(time.RFC3339), f.Entries)
}

// OperatorPart makes a part of a set of the lists that a configuration names.
// What is faulty is left out. Of a file that is of no use as a whole the last
// content that was of use is taken, if a server kept it; if none did, that is an
// error.
func OperatorPart(c *config.Config) (*intel.Part, []OperatorFile, error) {
	b := intel.NewBuilder()
	b.Heed(intel.Builtin())
	var states []OperatorFile
	var errs []error
	for _, f := range operatorFiles(c) {
		content, modified, err := f.content()
		st := OperatorFile{Name: f.Name, Path: f.Path, Holds: f.holds}
		if err == nil {
			err = f.add(b, content, modified, &st)
			st.content = content
		}
		if err != nil {
			kept, when, none := f.kept(c)
			if none == nil {
				none = f.add(b, kept, when, &st)
			}
			if none != nil { // the first fault is what to mend
				errs = append(errs, fmt.Errorf("%s: %w", f.key, err))
				continue
			}
			st.Fault, st.LeftOut, st.Kept, st.content = err, 0, when, nil
		}
		states = append(states, st)
	}
	p := b.Part(operatorPart)
	for i, l := range p.Lists() { // each state has one, in order
		states[i].Entries = l.Entries
	}
	return p, states, errors.Join(errs...)
}

// checkOperatorFiles reports each fault of the files that a configuration names.
func checkOperatorFiles(c *config.Config) error {
	var errs []error
	for _, f := range operatorFiles(c) {
		content, modified, err := f.content()
		var st OperatorFile
		if err == nil {
			err = f.add(intel.NewBuilder(), content, modified, &st)
		}
		if err = cmp.Or(err, st.Fault); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.key, err))
		}
	}
	return errors.Join(errs...)
}

// content reads the file, at most a byte more than a list may have.
func (f *operatorFile) content() (content []byte, modified time.Time, err error) {
	r, err := os.Open(f.Path)
	if err != nil {
		return nil, modified, fmt.Errorf("load list %q: %w", f.Name, err)
	}
	defer r.Close()
	if st, err := r.Stat(); err == nil {
		modified = st.ModTime()
	}
	if content, err = io.ReadAll(io.LimitReader(r, maxListBytes+1)); err != nil {
		return nil, modified, fmt.Errorf("load list %q: %w", f.Name, err)
	}
	return content, modified, nil
}

// add adds what a content says, and notes lines that are left out. An error says
// that it is of no use as a whole: then nothing of it was added.
func (f *operatorFile) add(b *intel.Builder, content []byte, modified time.Time, st *OperatorFile) error {
	var entries []format.Entry
	stats, err := format.Parse(bytes.NewReader(content), f.options(), func(e format.Entry) error {
		entries = append(entries, e)
		return nil
	})
	faulty := func(err error) error { return fmt.Errorf("load list %q: %s: %w", f.Name, f.Path, err) }
	if first := (*format.Fault)(nil); errors.Is(err, format.ErrFaults) && errors.As(err, &first) {
		return faulty(fmt.Errorf("%w; %d lines are faulty, most of the list", first, stats.Faults))
	}
	if err != nil {
		return faulty(err)
	}
	sum := sha256.Sum256(content)
	l := b.List(intel.List{
		Name: f.Name, Kind: intel.KindOperator, Holds: f.holds, Category: intel.Category(f.Category), Source: f.Path,
		Date: modified.UTC().Format(time.DateOnly), SHA256: hex.EncodeToString(sum[:]),
	})
	var first *format.Fault
	if stats.Faults > 0 {
		first = &stats.Sample[0]
	}
	left, taken := stats.Faults, 0
	for i := range entries {
		e := &entries[i]
		if e.Trusted && f.holds == intel.HoldsThreats {
			stats.Skipped["entry that the list calls benign"]++
			stats.Entries--
			continue
		}
		if err := l.Add(e.Value, factOf(e)); err != nil {
			if left++; first == nil || e.Line < first.Line {
				first = &format.Fault{Line: e.Line, Reason: err.Error()}
			}
			continue
		}
		taken++
	}
	if first != nil {
		st.Fault, st.LeftOut = faulty(first), left
	}
	if st.Note = ""; taken > 0 {
		st.Note = noteOf(stats)
	}
	return nil
}

// options say how the file is read: what was written by hand has slips, but
// what is mostly faulty is another file than was meant.
func (f *operatorFile) options() format.Options {
	o := format.Options{MaxFaults: 0.5, MaxBytes: maxListBytes, MaxEntries: maxThreatIPs, Private: true, MayBeEmpty: true, Hashes: true}
	if f.holds == intel.HoldsTrusted {
		o.MaxEntries = maxTrustedIPs
	}
	return o
}
