package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
)

// tally is the accounting of one commit.
type tally struct {
	rows    []store.LedgerRow
	sources map[store.SourceKey]arrival
}

type arrival struct{ received, event time.Time }

// received counts the records of a push as ingest took them: what it counted,
// scope by scope as they were decoded. Should ingest have counted others than
// were decoded now, the difference shows in the balance.
func (t *tally) received(p *line.Push) {
	rest := p.Received
	add := func(src event.Source, s event.Scope, n int64) {
		rest -= n
		t.add(detect.Count{Source: src, Scope: s, Outcome: event.Received, N: n})
	}
	for events := p.Batch.Events; len(events) > 0; {
		n := 1
		for n < len(events) && events[n].Scope == events[0].Scope && events[n].Source == events[0].Source {
			n++
		}
		add(events[0].Source, events[0].Scope, int64(n))
		events = events[n:]
	}
	for _, r := range p.Batch.Rejects {
		add(r.Source, r.Scope, r.Count)
	}
	if rest != 0 {
		t.add(detect.Count{Source: event.K8sAudit, Outcome: event.Received, N: rest})
	}
}

func (t *tally) outcomes(counts []detect.Count) {
	for _, c := range counts {
		t.add(c)
	}
}

func (t *tally) add(c detect.Count) {
	for i := range t.rows {
		r := &t.rows[i]
		if r.Outcome != string(c.Outcome) || r.Reason != string(c.Reason) || r.Source != string(c.Source) || r.Cluster != c.Scope.Cluster ||
			r.Account != c.Scope.Account || r.Region != c.Scope.Region {
			continue
		}
		r.Count += c.N
		if r.First.IsZero() || !c.First.IsZero() && c.First.Before(r.First) {
			r.First = c.First
		}
		if c.Last.After(r.Last) {
			r.Last = c.Last
		}
		return
	}
	t.rows = append(t.rows, store.LedgerRow{
		Source: string(c.Source), Account: c.Scope.Account, Region: c.Scope.Region, Cluster: c.Scope.Cluster,
		Outcome: string(c.Outcome), Reason: string(c.Reason), Count: c.N, First: c.First, Last: c.Last,
	})
}

// arrived notes when something of a scope came last.
func (t *tally) arrived(b *event.Batch, counts []detect.Count) {
	if t.sources == nil {
		t.sources = map[store.SourceKey]arrival{}
	}
	for _, c := range counts {
		if c.Outcome == event.Malformed && c.Scope.Cluster == "" { // it does not say whose it is
			continue
		}
		key := sourceKey(c.Source, c.Scope)
		a := t.sources[key]
		if b.Received.After(a.received) {
			a.received = b.Received
		}
		if c.Last.After(a.event) {
			a.event = c.Last
		}
		t.sources[key] = a
	}
}

// inOrder sorts scopes: two commits that write the same rows in the same order
// cannot wait for each other.
func inOrder[V any](scopes map[event.Scope]V) []event.Scope {
	return slices.SortedFunc(maps.Keys(scopes), func(a, b event.Scope) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Cluster, b.Cluster))
	})
}

func (t *tally) write(tx *store.Tx) error {
	if err := tx.AddLedger(t.rows); err != nil {
		return err
	}
	keys := slices.SortedFunc(maps.Keys(t.sources), func(a, b store.SourceKey) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Source, b.Source))
	})
	for _, key := range keys {
		if err := tx.TouchSource(key, t.sources[key].received, t.sources[key].event); err != nil {
			return err
		}
	}
	return nil
}

func sourceKey(src event.Source, sc event.Scope) store.SourceKey {
	return store.SourceKey{Source: string(src), Account: sc.Account, Region: sc.Region, Cluster: sc.Cluster}
}
