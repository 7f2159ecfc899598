package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

// longDryRun is when a dry run has told what there is to tell.
const longDryRun = 14 * 24 * time.Hour

// rules says whether the rules on disk load, and how those of the servers are.
func (d *doctor) rules(ctx context.Context, st *store.Store) {
	set, err := app.RuleSet(d.cfg.Detection)
	if err != nil {
		d.say(statusFault, "rules", "detection.rules: %s; a running server goes on with those from before, but no new one starts: `vedette rules check` tells more", oneLine(app.RuleFaults(err)))
	} else {
		more := ""
		if n := set.Skipped(); n > 0 {
			more = fmt.Sprintf("; %d are about logs that are not read here, and left out", n)
		}
		d.say(statusOK, "rules", "%d rules load%s", len(set.Rules()), more)
	}
	report, err := readRulesStatus(ctx, st)
	if err != nil {
		d.say(statusFault, "rules of servers", "%v", err)
		return
	}
	for _, w := range report.Workers {
		if w.Fault != "" {
			d.say(statusFault, "rules of "+w.Name, "those on disk cannot be loaded since %s, and those from before are in force: %s", orNever(w.FaultSince), oneLine(w.Fault))
		}
	}
	for _, text := range ruleWarnings(withoutFaults(report.Workers)) {
		d.say(statusNote, "rules of servers", "%s", text)
	}
	for i := range report.Rules {
		r := &report.Rules[i]
		if r.Mode == store.RuleDryRun && d.now().Sub(r.ModeSince) > longDryRun {
			d.say(statusNote, "rule "+r.Title, "in a dry run since %s, in which it would have made %d findings; make it LIVE, or take it out", moment(r.ModeSince), r.DryRunFindings)
		}
	}
}

func withoutFaults(workers []ruleWorkerRow) []ruleWorkerRow {
	out := append([]ruleWorkerRow{}, workers...)
	for i := range out {
		out[i].Fault = ""
	}
	return out
}

// oneLine is the beginning of a text of several lines.
func oneLine(text string) string {
	lines := strings.Split(cleanLines(text), "\n")
	return printableReason(strings.Join(lines[:min(len(lines), 2)], "; "))
}
