package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
)

// Feedback travels in three steps, each of which may be done again: the API
// notes in one commit what a user said and that it waits; the process that
// judges the finding's scope puts a record of it into the journal; and who
// judges that record teaches the models what the store says then, and takes the
// note away, in one commit.

const (
	// feedbackStream is where feedback comes from, in place of a log.
	feedbackStream = "feedback"
	feedbackEvery  = time.Second
	feedbackAtOnce = 500
)

// notUseful is the feedback that teaches.
const notUseful = "NOT_USEFUL"

// tellFeedback puts feedback that waits into the journal, until ctx ends.
func (a *App) tellFeedback(ctx context.Context) {
	var fault said
	for pause(ctx, feedbackEvery) == nil {
		err := a.tellFeedbackOnce(ctx)
		if fault.news(err) && ctx.Err() == nil {
			a.Log.Error("feedback on findings could not be taken up; trying again", "err", err)
		}
	}
}

func (a *App) tellFeedbackOnce(ctx context.Context) error {
	waiting, err := a.keys.store.FeedbackWaiting(ctx, feedbackAtOnce)
	if err != nil || len(waiting) == 0 {
		return err
	}
	held := a.worker.Shards()
	by := map[event.Scope][]event.FeedbackOn{}
	for _, f := range waiting {
		sc, ok := finding.ScopeOf(f.Identity)
		if !ok || !slices.Contains(held, line.ShardOf(sc, a.Config.Journal.Shards)) {
			continue
		}
		by[sc] = append(by[sc], event.FeedbackOn{Detector: f.DetectorID, Finding: f.ID})
	}
	if len(by) == 0 {
		return nil
	}
	w := a.writer
	if w == nil { // a process that takes nothing in from elsewhere
		var end func()
		w, end = a.ownWriter()
		defer end()
	}
	for _, sc := range inOrder(by) {
		data, err := decode.EncodeFeedback(by[sc])
		if err != nil {
			return err
		}
		err = a.tell(ctx, w, event.Chunk{
			Stream: feedbackStream, Received: a.Now().UTC(), Scope: sc, OneAccount: true, Source: event.FeedbackGiven, Data: data,
		})
		if err != nil {
			return fmt.Errorf("tell %s of feedback: %w", sc, err)
		}
		if err := a.caughtUp(ctx, line.ShardOf(sc, a.Config.Journal.Shards)); err != nil { // else it would be told again
			return err
		}
	}
	return nil
}

// applyFeedback teaches the models what the findings of a record of feedback
// show, as the store has it in this commit: a record that is late, or told
// twice, says nothing old.
func (j *judge) applyFeedback(tx *store.Tx, ev *event.Event) error {
	for _, on := range ev.Feedback.Findings {
		if err := j.applyFeedbackOn(tx, ev, on); err != nil {
			return fmt.Errorf("take up feedback on finding %s: %w", on.Finding, err)
		}
	}
	return nil
}

func (j *judge) applyFeedbackOn(tx *store.Tx, ev *event.Event, on event.FeedbackOn) error {
	identity, err := tx.IdentityOf(on.Detector, on.Finding)
	if errors.Is(err, finding.ErrNotFound) { // it was deleted meanwhile
		return tx.FeedbackTaken(on.Detector, on.Finding)
	}
	if err != nil {
		return err
	}
	if sc, ok := finding.ScopeOf(identity); !ok || sc != ev.Scope {
		return nil // told to the wrong scope: it waits on
	}
	r, err := j.drafts.Finding(identity)
	if err != nil {
		return err
	}
	f := r.Finding
	if err := j.engine.Expect(ev.Scope, ev.Time, f, f.Service.UserFeedback == notUseful); err != nil {
		j.log.Warn("feedback on a finding teaches nothing", "finding", on.Finding, "err", err)
	}
	return tx.FeedbackTaken(on.Detector, on.Finding)
}
