package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// ledger holds the accounting against itself: of each source and scope, what
// was received must be the sum of how its records ended.
func (d *doctor) ledger(ctx context.Context, st *store.Store) {
	rows, err := st.Ledger(ctx)
	if err != nil {
		d.say(statusFault, "ledger", "%v", err)
		return
	}
	if len(rows) == 0 {
		d.say(statusNote, "records", "none yet; point an audit webhook here (`vedette kube webhook-config`) or follow a log, or name queues, buckets or folders of account logs; the server's log says why nothing comes from them")
		return
	}
	for len(rows) > 0 { // they are in order of source and scope
		n := 1
		for n < len(rows) && sameScope(&rows[n], &rows[0]) {
			n++
		}
		if rows[0].Source == string(event.Journal) {
			d.lost(rows[:n])
		} else {
			d.balance(rows[:n])
		}
		rows = rows[n:]
	}
}

func sameScope(a, b *store.LedgerRow) bool {
	return a.Source == b.Source && a.Account == b.Account && a.Region == b.Region && a.Cluster == b.Cluster
}

// lost tells of messages of the journal whose records nobody can count.
func (d *doctor) lost(rows []store.LedgerRow) {
	for _, r := range rows {
		switch name := "lost messages, " + r.Reason; event.Reason(r.Reason) {
		case event.ReasonJournalGap:
			d.say(statusFault, name, "the journal lost %d messages that it had taken, before they were judged: "+
				"look at its disk or its NATS servers, find when in the server's log, and `vedette scan` the audit log of that time", r.Count)
		case event.ReasonJournalCorrupt:
			d.say(statusFault, name, "%d messages of the journal could not be read and were set aside: "+
				"look at its disk, find when in the server's log, and `vedette scan` the audit log of that time", r.Count)
		default:
			d.say(statusFault, name, "%d messages %s", r.Count, r.Outcome)
		}
	}
}

// balance judges the rows of one source and scope. What was lost or cut is a
// note; records that are not accounted for are a fault.
func (d *doctor) balance(rows []store.LedgerRow) {
	var received, ended int64
	var newest time.Time
	byOutcome := map[event.Outcome][]store.LedgerRow{}
	for _, r := range rows {
		if r.Last.After(newest) {
			newest = r.Last
		}
		outcome := event.Outcome(r.Outcome)
		byOutcome[outcome] = append(byOutcome[outcome], r)
		switch outcome {
		case event.Received:
			received += r.Count
		case event.Evaluated, event.Duplicate, event.Malformed, event.Dropped:
			ended += r.Count
		}
	}
	parts := func(outcomes ...event.Outcome) (out []string) {
		for _, o := range outcomes {
			if of := byOutcome[o]; len(of) > 0 {
				out = append(out, inWords(o, of))
			}
		}
		return out
	}
	sum := strings.Join(parts(event.Evaluated, event.Duplicate, event.Malformed, event.Dropped), " + ")
	if sum == "" {
		sum = "none that ended"
	}
	status, detail := statusOK, fmt.Sprintf("balanced: %d received = %s", received, sum)
	if received != ended {
		status, detail = statusFault, fmt.Sprintf("not balanced: %d received, but %s make %d: %s; "+
			"records are missing from the accounting or in it twice: report this with the server's log", received, sum, ended, difference(received-ended))
	}
	if marked := parts(event.MarkTruncated, event.MarkLate); len(marked) > 0 {
		detail += "; of these " + strings.Join(marked, ", ")
	}
	if !newest.IsZero() {
		detail += "; newest of " + moment(newest)
	}
	ahead := newest.After(d.now().Add(futureSlack))
	if ahead {
		detail += ", which is to come: a clock of those who write these records is wrong"
	}
	troubled := func(o event.Outcome) bool { return len(byOutcome[o]) > 0 }
	if status == statusOK && ahead {
		status = statusNote
	}
	if status == statusOK && slices.ContainsFunc([]event.Outcome{event.Malformed, event.Dropped, event.MarkTruncated, event.MarkLate}, troubled) {
		status = statusNote
	}
	r := &rows[0]
	d.say(status, "records of "+d.nameOf(r.Source, r.Cluster, r.Account, r.Region), "%s", detail)
}

// futureSlack is how far clocks may be ahead of this machine's without a word.
const futureSlack = time.Hour

func difference(n int64) string {
	if n < 0 {
		return fmt.Sprintf("%d too many", -n)
	}
	return fmt.Sprintf("%d missing", n)
}

// inWords says how many records ended in one way, and for which reasons.
func inWords(o event.Outcome, rows []store.LedgerRow) string {
	var n int64
	var reasons []string
	for _, r := range rows {
		n += r.Count
		switch {
		case r.Reason == "":
		case len(rows) == 1:
			reasons = append(reasons, r.Reason)
		default:
			reasons = append(reasons, fmt.Sprintf("%d %s", r.Count, r.Reason))
		}
	}
	text := fmt.Sprintf("%d %s", n, o)
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	return text
}

// nameOf names a kind of records of a cluster or account, and says whose they
// are where they are not the server's own.
func (d *doctor) nameOf(source, cluster, account, region string) string {
	return strings.TrimSuffix(source+"/"+cluster, "/") + d.foreign(account, region)
}

// foreign says whose a thing is, unless it is the server's own account's and Region's.
func (d *doctor) foreign(account, region string) string {
	switch {
	case account == d.account && region == d.region:
		return ""
	case account == "":
		return " of no account"
	}
	return " of " + account + " in " + region
}
