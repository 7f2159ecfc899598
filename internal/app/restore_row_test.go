package app

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// TestRowsThatCannotBeRestored: a row of what was learned that another version
// wrote, in a form that this one does not know, or that is damaged, costs that
// row: its shard goes on, and it is told once.
func TestRowsThatCannotBeRestored(t *testing.T) {
	dir, log := t.TempDir(), &logged{}
	start := func() *App {
		return startLogging(t, dir, log, func(c *config.Config) { c.Intelligence.Feeds.Enabled = false })
	}
	a := start()
	pushTo(t, a, "cloudtrail", callLine(1, "203.0.113.9", begin))
	sc := event.Scope{Account: a.Config.Account, Region: a.Config.Region}
	field := func(text string) []byte { return append(binary.AppendUvarint(nil, uint64(len(text))), text...) }
	row := append(field("key"), binary.AppendVarint(nil, begin.UnixNano())...)
	row = append(row, field(`["of", "another", "form"]`)...)
	err := a.keys.store.Commit(t.Context(), func(tx *store.Tx) error {
		for _, l := range detect.New(detect.Options{}).Logs(sc) {
			if l == "" {
				continue
			}
			for _, data := range [][]byte{row, []byte("\xff\xff"), append(row, row...)} {
				if err := tx.AddSeen(logScope(sc, l), 1<<40, data); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	a = start()
	pushTo(t, a, "cloudtrail", callLine(1, "203.0.113.9", begin)) // a copy
	pushTo(t, a, "cloudtrail", callLine(2, "203.0.113.9", begin.Add(time.Hour)))
	pushTo(t, a, "cloudtrail", callLine(3, "203.0.113.9", begin.Add(2*time.Hour)))
	if l := ledger(t, a.keys.store); l["evaluated"] != 3 || l["duplicate/seen_before"] != 1 || l["dropped/set_aside"] != 0 {
		t.Errorf("%v", l)
	}
	told := map[string]int{}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=ERROR") {
			told[line[strings.Index(line, "table="):strings.Index(line, " err=")]]++
		}
	}
	if len(told) < 2 {
		t.Errorf("only %v are told:\n%s", told, log)
	}
	for what, n := range told {
		if n != 1 || !strings.HasSuffix(what, "rows=3") {
			t.Errorf("%s is told %d times", what, n)
		}
	}
}
