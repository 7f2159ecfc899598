package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// recall looks into the past of a scope for what lists name from now on, block
// by block, the newest first.
func (p *past) recall(tx *store.Tx, sc event.Scope, r *detect.Recall) (blocks int, err error) {
	s, err := p.shelf(tx, sc)
	if err != nil {
		return 0, err
	}
	runs := sortedHours(s.runs)
	for i := len(runs) - 1; i >= 0; i-- {
		h, err := p.read(tx, sc, runs[i], false)
		if err != nil {
			return blocks, err
		}
		r.Hour(runs[i], h)
	}
	for i := len(s.blocks) - 1; i >= 0; i-- {
		hour := s.blocks[i].Generation
		err := tx.SeenOf(logScope(sc, historyName), hour, func(data []byte) error {
			if err := r.Block(hour, data); err != nil {
				p.log.Error("a part of what is remembered cannot be read; it is passed over", "scope", sc.String(), "hour", hourTime(hour), "err", err)
			}
			return nil
		})
		if err != nil {
			return blocks, fmt.Errorf("look into the past of %s: %w", sc, err)
		}
		blocks++
	}
	return blocks, nil
}

// recall compares what lists name from now on with the past of the scopes.
func (j *judge) recall(tx *store.Tx) error {
	for _, sc := range inOrder(j.told) {
		start, entries := j.now(), 0
		for _, ev := range j.told[sc] {
			entries += len(ev.Indicators.List)
		}
		r := j.engine.Recall(sc, j.told[sc], j.plan.off)
		blocks, err := j.past.recall(tx, sc, r)
		if err != nil {
			return err
		}
		claims, changed := r.Claims(), len(j.drafts.changed)
		for i := range claims {
			if err := j.noise.fold(&claims[i]); err != nil {
				return fmt.Errorf("keep a finding about the past: %w", err)
			}
		}
		j.recalled += len(j.drafts.changed) - changed
		sum := r.Summary()
		level := slog.LevelDebug // a long list comes in many records
		if len(claims) > 0 {
			level = slog.LevelInfo
		}
		j.log.Log(context.Background(), level, "the past was searched for what lists name now", "scope", sc.String(), "entries", entries, "hours", blocks,
			"contacts", sum.Contacts, "findings", len(claims), "took", j.now().Sub(start).Round(time.Millisecond))
		if sum.Fault != nil {
			j.log.Error("some of the past could not be judged", "scope", sc.String(), "err", sum.Fault)
		}
		if sum.Faults > 0 || sum.Left > 0 {
			j.log.Warn("not everything could be searched for", "scope", sc.String(), "entries that are none", sum.Faults, "acts and findings beyond the bounds", sum.Left)
		}
	}
	return nil
}
