package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/store"
)

// kept are the hours of which there are blocks, and of which there are runs.
func (b *pastBed) kept() (blocks, runs []int64, bytes int64) {
	b.t.Helper()
	err := b.store.Commit(context.Background(), func(tx *store.Tx) error {
		all, err := tx.SeenSizes(logScope(bedScope, historyName))
		for _, s := range all {
			blocks, bytes = append(blocks, s.Generation), bytes+s.Bytes
			if s.Entries != 1 {
				b.t.Errorf("%d blocks of the hour %s", s.Entries, hourTime(s.Generation))
			}
		}
		loose, err2 := tx.SeenSizes(logScope(bedScope, detect.HistoryRuns))
		for _, s := range loose {
			runs = append(runs, s.Generation)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return blocks, runs, bytes
}

// TestHoursBecomeBlocks: only the hours that are under way stay as they were
// written; records that come late are in the block of their hour all the same.
func TestHoursBecomeBlocks(t *testing.T) {
	b := newPastBed(t, nil)
	late := flowLine(3, "198.51.100.9", begin.Add(90*time.Minute))
	for i := range 200 { // a day
		b.push(bedScope, event.VPCFlow, flowLine(i%3, fmt.Sprintf("198.51.100.%d", i%5), begin.Add(time.Duration(i)*7*time.Minute)))
		if i == 150 {
			b.push(bedScope, event.VPCFlow, late)
		}
	}
	blocks, runs, _ := b.kept()
	if len(runs) > maxOpenHours || len(blocks) < 20 {
		t.Errorf("%d hours in blocks, %d as they were written", len(blocks), len(runs))
	}
	for _, h := range runs {
		if slices.Contains(blocks, h) {
			t.Errorf("of the hour %s there are both", hourTime(h))
		}
	}
	b.tell(bedScope, event.Indicator{Category: "c2", Entry: "198.51.100.9", List: "x"})
	if fs := b.findings(); len(fs) != 1 || fs[0].Service.Count != 1 || fs[0].Service.EventFirstSeen != "2026-01-31T13:30:00.000Z" {
		t.Errorf("%+v", fs)
	}
}

// maxOpenHours is how many hours may be under way in a scope.
const maxOpenHours = 4

// TestPastIsBounded: hours older than the days that are kept go, and the oldest
// where a scope has more bytes than it may; a record of a far year empties
// nothing, and is itself bounded.
func TestPastIsBounded(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return begin.AddDate(0, 0, n) }
	fill := func(b *pastBed, days int) {
		for n := range days {
			b.push(bedScope, event.VPCFlow, flowLine(1, "198.51.100.9", day(n)))
			for range maxOpenHours * 2 { // so that hours are let go of
				b.push(bedScope, event.DNS, fmt.Sprintf(`{"version":"1.1","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-1","query_timestamp":%q,"query_name":"a.example.com.","query_type":"A","rcode":"NOERROR","srcaddr":"10.0.0.1","srcids":{"instance":"i-1"}}`,
					day(n).Add(time.Hour).Format(time.RFC3339)))
			}
		}
	}
	hour := func(at time.Time) int64 { h, _ := history.HourOf(at.Unix()); return h }

	b := newPastBed(t, nil)
	b.judge.past.days = 10
	fill(b, 20)
	blocks, _, _ := b.kept()
	if len(blocks) == 0 || blocks[0] < hour(day(20))-12*24 || blocks[0] > hour(day(20))-8*24 {
		t.Errorf("of 10 days there are hours since %s", hourTime(blocks[0]))
	}
	before := len(blocks)
	b.push(bedScope, event.VPCFlow, flowLine(1, "198.51.100.9", day(9999)))
	b.restart()
	b.push(bedScope, event.VPCFlow, flowLine(2, "198.51.100.9", day(20)))
	if blocks, _, _ := b.kept(); len(blocks) < before {
		t.Errorf("a record of %s left %d of %d hours", day(9999).Format(time.DateOnly), len(blocks), before)
	}

	b = newPastBed(t, nil)
	fill(b, 5)
	_, _, bytes := b.kept()
	b = newPastBed(t, nil)
	b.judge.past.bytes = bytes / 2
	fill(b, 20)
	blocks, _, now := b.kept()
	if now > bytes || len(blocks) == 0 || blocks[len(blocks)-1] < hour(day(17)) {
		t.Errorf("%d bytes of %d, hours %v", now, bytes/2, blocks)
	}

	b = newPastBed(t, nil)
	b.judge.past.contacts = 50
	b.opts.History = 50
	b.judge.engine = detect.New(func() detect.Options { o := b.opts; o.Durable = true; return o }())
	for i := range 400 {
		b.push(bedScope, event.VPCFlow, flowLine(i%7, fmt.Sprintf("198.51.%d.%d", i/200, i%200), begin.Add(time.Duration(i)*time.Second)))
	}
	n, forgotten := 0, int64(0)
	err := b.store.Commit(t.Context(), func(tx *store.Tx) error {
		h, err := b.judge.past.read(tx, bedScope, hour(begin), true)
		n, forgotten = len(h.Contacts()), h.Forgotten
		return err
	})
	if err != nil || n != 50 || forgotten != 350 {
		t.Errorf("%d contacts of at most 50, %d records forgotten (%v)", n, forgotten, err)
	}
}

// TestDamagedPast: a block that cannot be read hides its hour and nothing more.
func TestDamagedPast(t *testing.T) {
	b := newPastBed(t, nil)
	for i := range 30 {
		b.push(bedScope, event.VPCFlow, flowLine(1, "198.51.100.9", begin.Add(time.Duration(i)*time.Hour)))
	}
	blocks, runs, _ := b.kept()
	err := b.store.Commit(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.ReplaceSeen(logScope(bedScope, historyName), blocks[0], []byte("garbage")),
			tx.AddSeen(logScope(bedScope, detect.HistoryRuns), runs[0], []byte{1, 200}))
	})
	if err != nil {
		t.Fatal(err)
	}
	b.tell(bedScope, event.Indicator{Category: "c2", Entry: "198.51.100.9", List: "x"})
	if fs := b.findings(); len(fs) != 1 || fs[0].Service.Count != 29 {
		t.Errorf("%+v", fs)
	}
}

// TestSwitchedOffInRetrospect: what is not to be analysed now is not told of the
// past either, and all of it again once it is.
func TestSwitchedOffInRetrospect(t *testing.T) {
	b := newPastBed(t, nil)
	b.push(bedScope, event.VPCFlow, flowLine(1, "198.51.100.9", begin))
	entry := event.Indicator{Category: "c2", Entry: "198.51.100.9", List: "x"}
	b.judge.plan = nil
	off := &plan{features: map[string]bool{"FLOW_LOGS": true}}
	p := b.decodedEntry(entry)
	err := b.store.Commit(t.Context(), func(tx *store.Tx) error {
		b.judge.plan = off
		return errors.Join(b.judge.Judge(tx, p), b.judge.Finish(tx))
	})
	b.judge.Committed(0)
	if err != nil || len(b.findings()) != 0 {
		t.Errorf("%v, %d findings", err, len(b.findings()))
	}
	b.tell(bedScope, entry)
	if len(b.findings()) != 1 {
		t.Error("not told once it was switched on")
	}
}
