package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// room says whether the disk of the data directory has any, for an embedded
// journal, which leaves some free for the store.
func (d *doctor) room() {
	if len(d.cfg.Journal.NATS.URLs()) > 0 {
		return
	}
	free, err := journal.FreeBytes(d.cfg.Store.DataDir)
	switch least := d.cfg.Journal.MinFreeBytes; {
	case err != nil: // there is no folder yet, or nobody knows
	case free < least:
		d.say(statusFault, "disk", "%s are free for %s, less than journal.minFreeBytes (%s): senders are told to come again (429) until there is more",
			inBytes(free), d.cfg.Store.DataDir, inBytes(least))
	default:
		d.say(statusOK, "disk", "%s are free for %s", inBytes(free), d.cfg.Store.DataDir)
	}
}

// publishLag is how long a change may wait to be published.
const publishLag = time.Minute

// publishing says whether what changed goes out.
func (d *doctor) publishing(ctx context.Context, st *store.Store) {
	file := d.cfg.Publish.File
	if file == "" {
		return
	}
	cursor, err := st.Cursor(ctx, publish.CursorName(app.PublishFile))
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		d.say(statusFault, "publishing", "%v", err)
		return
	}
	waiting, err := st.Changes(ctx, string(cursor), 1)
	if err != nil {
		d.say(statusFault, "publishing", "%v", err)
		return
	}
	if len(waiting) == 0 || d.now().Sub(waiting[0].At) < publishLag {
		d.say(statusOK, "publishing", "everything is in publish.file, %s", file)
		return
	}
	why := "see the server's log"
	if f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0); err == nil {
		f.Close()
	} else if !errors.Is(err, os.ErrNotExist) {
		why = err.Error()
	}
	if d.silent {
		d.say(statusNote, "publishing", "changes since %s wait for a server that writes them to publish.file, %s", moment(waiting[0].At), file)
		return
	}
	d.say(statusFault, "publishing", "changes since %s are not in publish.file, %s: %s; is its disk full?", moment(waiting[0].At), file, why)
}
