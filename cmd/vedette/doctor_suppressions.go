package main

import (
	"context"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// unusedAfter is how long a suppression rule may hide nothing.
const unusedAfter = 30 * 24 * time.Hour

// suppressions says which suppression rules somebody should look at.
func (d *doctor) suppressions(ctx context.Context, st *store.Store) {
	rows, err := suppressionRows(ctx, st, finding.DetectorID(d.account, d.region), d.now())
	if err != nil {
		d.say(statusFault, "suppression rules", "%v", err)
		return
	}
	var faulty, expired, unused, nobodys []string
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Status == "faulty":
			faulty = append(faulty, r.Name)
			continue
		case r.Status == "expired":
			expired = append(expired, r.Name)
			continue
		case r.Hidden == 0 && d.now().Sub(r.UpdatedAt) > unusedAfter:
			unused = append(unused, r.Name)
		}
		if r.Owner == "" || r.Reason == "" {
			nobodys = append(nobodys, r.Name)
		}
	}
	note := func(names []string, name, advice string) {
		if len(names) > 0 {
			d.say(statusNote, "suppression rules "+name, "%s; %s", strings.Join(names, ", "), advice)
		}
	}
	note(faulty, "that cannot be applied", "they hide nothing; see that the tag "+finding.TagExpires+" is a date or a time")
	note(expired, "that have expired", "they hide nothing more; set a later "+finding.TagExpires+", or remove them with `vedette suppressions remove`")
	note(unused, "that never matched", "they have hidden nothing for 30 days; `vedette suppressions show` says what they would have")
	note(nobodys, "without owner or reason", "set the tags "+finding.TagOwner+" and "+finding.TagReason)
	if len(rows) > 0 && len(faulty)+len(expired)+len(unused)+len(nobodys) == 0 {
		d.say(statusOK, "suppression rules", "%d, each with owner and reason", len(rows))
	}
}
