package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// A record can be poison: judging it ends the process, or the store refuses
// what it comes to, again and again. A shard that does not move is then judged
// one message at a time, and what is about to be judged is noted in the store
// before. The note survives the process, so the culprit is found: first the
// message, then the record, which is set aside, counted, and stepped over.
const (
	carefulAfter   = 3 // claims without a commit
	messageStrikes = 3 // failures of a message until its records are tried singly
	recordStrikes  = 3 // failures of a record until it is set aside
)

// trial is what the note says.
type trial struct {
	Journal  string `json:"journal"`
	Position uint64 `json:"position"`
	// Strikes are the failures of the message, or of Record once Single is set.
	Strikes int   `json:"strikes"`
	Single  bool  `json:"single,omitempty"`
	Record  int   `json:"record,omitempty"` // those before it are good
	Bad     []int `json:"bad,omitempty"`
	// Opened: the message could be opened without the process ending.
	Opened bool `json:"opened,omitempty"`
}

const trialName = "trial"

func (l *lease[T]) trialScope() string { return "shard/" + strconv.Itoa(l.shard) }

// careful says that the next message is tried alone: the shard does not move,
// or this message has been on trial before. The latter counts for itself,
// since with each note the store begins to count the attempts anew.
func (l *lease[T]) careful() bool {
	return l.attempts > carefulAfter || l.trial.Journal == l.journal && l.trial.Position == l.position+1
}

func (l *lease[T]) loadTrial(ctx context.Context) error {
	var data []byte
	err := l.Store.Commit(ctx, func(tx T) (err error) {
		if data, err = tx.State(l.trialScope(), trialName); errors.Is(err, finding.ErrNotFound) {
			return nil
		}
		return err
	})
	l.trial = trial{}
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &l.trial)
	}
	if err != nil {
		return fmt.Errorf("read which record was tried last: %w", err)
	}
	return nil
}

// note writes down what is about to be tried.
func (l *lease[T]) note(ctx context.Context) error {
	data, err := json.Marshal(l.trial)
	if err != nil {
		return err
	}
	// Even when an end was asked for: the note before says what is no longer so.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return l.Store.Commit(ctx, func(tx T) error {
		if err := tx.Advance(l.shard, l.epoch, l.position, l.position); err != nil {
			return err
		}
		return tx.PutState(l.trialScope(), trialName, data)
	})
}

// try commits one message of a shard that did not move, if need be without the
// records that are to blame.
func (l *lease[T]) try(ctx context.Context, m *message) error {
	if l.trial.Journal != l.journal || l.trial.Position != m.position {
		l.trial = trial{Journal: l.journal, Position: m.position}
	}
	t := &l.trial
	if !t.Single && t.Strikes < messageStrikes {
		return l.strike(ctx, func() error { m.open(nil); return l.commit(ctx, []*message{m}) })
	}
	if !t.Opened && t.Strikes >= 2*messageStrikes {
		m.fault = errOpening // and is set aside whole
		return l.commit(ctx, []*message{m})
	}
	if !t.Opened {
		if err := l.strike(ctx, func() error { m.open(nil); return nil }); err != nil {
			return err
		}
		*t = trial{Journal: l.journal, Position: m.position, Opened: true, Single: true}
	}
	m.open(nil)
	if err := l.trySingly(ctx, m); err != nil {
		return err
	}
	if t.Strikes >= messageStrikes { // each alone is good, all together are not
		m.fault = errTogether
		return l.commit(ctx, []*message{m})
	}
	return l.strike(ctx, func() error { return l.commitWithout(ctx, m, t.Bad) })
}

var errTogether = errors.New("its records could be judged one by one but not together")

var errOpening = errors.New("the process ended whenever it was opened")

// strike notes a strike, tries, and takes the strike back when the failure was
// the store's, or our own end's.
func (l *lease[T]) strike(ctx context.Context, try func() error) error {
	return l.apart(ctx, true, func() error {
		l.trial.Strikes++
		if err := l.note(ctx); err != nil {
			l.trial.Strikes--
			return &notTriedError{fmt.Errorf("note what is tried: %w", err)}
		}
		err := try()
		if err != nil && !l.blames(ctx, err) {
			l.trial.Strikes--
			if err := l.note(ctx); err != nil {
				l.Log.Warn("a strike could not be taken back", "shard", l.shard, "err", err)
			}
		}
		return err
	})
}

// notTriedError says that a trial did not begin.
type notTriedError struct{ error }

func (e *notTriedError) Unwrap() error { return e.error }

// blames reports whether an error is the fault of what was tried.
func (l *lease[T]) blames(ctx context.Context, err error) bool {
	not := new(notTriedError)
	return ctx.Err() == nil && !l.Temporary(err) && !errors.Is(err, store.ErrFenced) && !errors.As(err, &not)
}

// errUndo rolls back a commit that was only a try.
var errUndo = errors.New("only a try")

// trySingly judges the records one by one, keeping nothing, to find those that
// cannot be judged.
func (l *lease[T]) trySingly(ctx context.Context, m *message) error {
	t := &l.trial
	for n := records(m); t.Record < n; t.Record, t.Strikes = t.Record+1, 0 {
		for {
			if t.Strikes >= recordStrikes {
				t.Bad = append(t.Bad, t.Record)
				break
			}
			p, i := find(m, t.Record)
			one := *p.Batch
			one.Events, one.Rejects = one.Events[i:i+1], nil
			err := l.strike(ctx, func() error {
				err := l.Store.Commit(ctx, func(tx T) error {
					if err := l.judge.Judge(tx, &Push{Batch: &one, Received: 1}); err != nil {
						return err
					}
					if err := l.judge.Finish(tx); err != nil {
						return err
					}
					return errUndo
				})
				l.judge.Forget()
				if errors.Is(err, errUndo) {
					return nil
				}
				return err
			})
			if err == nil {
				break
			}
			if !l.blames(ctx, err) {
				return err
			}
		}
	}
	return nil
}

// commitWithout commits a message without some of its records.
func (l *lease[T]) commitWithout(ctx context.Context, m *message, bad []int) error {
	var aside []store.SetAside
	for _, k := range bad {
		p, i := find(m, k)
		if p.Skip == nil {
			p.Skip = map[int]event.Reason{}
		}
		p.Skip[i] = event.ReasonPoison
		aside = append(aside, store.SetAside{
			Shard: l.shard, Position: m.position, Stream: p.Batch.Stream, Reason: "it could not be judged",
			Data: p.Batch.Events[i].Raw, At: l.Now().UTC(),
		})
		l.Log.Error("a record cannot be judged; it is set aside and counted as dropped", "shard", l.shard, "position", m.position, "stream", p.Batch.Stream)
	}
	m.aside = aside
	return l.commit(ctx, []*message{m})
}

// records is how many events a message has; find is the k-th of them.
func records(m *message) (n int) {
	for _, p := range m.pushes {
		n += len(p.Batch.Events)
	}
	return n
}

func find(m *message, k int) (p *Push, i int) {
	for _, p = range m.pushes {
		if k < len(p.Batch.Events) {
			return p, k
		}
		k -= len(p.Batch.Events)
	}
	return nil, 0
}
