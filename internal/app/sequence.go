package app

import (
	"errors"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
)

// SequenceOptions are what a configuration says of attack sequences.
func SequenceOptions(c *config.Config) sequence.Options {
	s := &c.Detection.Sequences
	if s.Window == 0 {
		return sequence.Options{Window: -1}
	}
	return sequence.Options{Window: s.Window, IgnoreArchived: s.IgnoreSuppressed}
}

// ScanOptionsOf are what a configuration says of a scan. The caller adds what
// is to be read.
func ScanOptionsOf(c *config.Config) (ScanOptions, error) {
	d, err := DetectOptions(c)
	return ScanOptions{
		Scope:  event.Scope{Account: c.Account, Region: c.Region, Cluster: c.Cluster},
		Detect: d, Sequences: SequenceOptions(c), Noise: NoiseLimits(c),
	}, err
}

// observe notes in a book what a batch, and what came of it, show that may be a
// step of an attack. A signal whose finding is hidden says so.
func observe(book *sequence.Book, b *event.Batch, res *detect.Result, in findings) error {
	for i := range b.Events {
		book.Event(&b.Events[i])
	}
	for _, h := range res.Hints {
		book.Hint(h.Name, h.Event, h.Record, h.Instance, h.What)
	}
	for _, s := range res.Signals {
		r, err := in.Finding(s.Identity())
		if err != nil {
			return err
		}
		book.Finding(s, r.Finding.Service.Archived, sequence.EventOf(b, s))
	}
	return nil
}

// tellSequences writes the complete ones among sequences as findings, and into
// the findings that are signals of them which one they belong to.
func tellSequences(list []*sequence.Sequence, home finding.Home, in findings) error {
	for _, s := range list {
		if !s.Complete {
			continue
		}
		records := map[string]*finding.Record{}
		for _, identity := range s.Members() {
			r, err := in.Finding(identity)
			if errors.Is(err, finding.ErrNotFound) { // too old to be kept
				continue
			}
			if err != nil {
				return err
			}
			records[identity] = r
		}
		rec := s.Record(home, func(identity string) *finding.Finding {
			if r := records[identity]; r != nil {
				return r.Finding
			}
			return nil
		})
		if err := in.PutFinding(rec); err != nil {
			return err
		}
		for _, identity := range s.Members() {
			r := records[identity]
			if r == nil || r.Finding.AssociatedAttackSequenceARN == rec.Finding.ARN {
				continue
			}
			r.Finding.AssociatedAttackSequenceARN = rec.Finding.ARN
			if err := in.PutFinding(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequences finds the attack sequences of a scan.
func (s *scanner) sequences() error {
	if s.o.Sequences.Window < 0 { // switched off
		return nil
	}
	s.result.Sequences = sequence.Find(s.book, s.o.Sequences)
	return tellSequences(s.result.Sequences, s.o.Detect.Home, s.memory)
}
