package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func testNodes(t *testing.T, s *store.Store, _ *clock) {
	key := func(cluster, name string) store.NodeKey {
		return store.NodeKey{Account: "1", Region: "r", Cluster: cluster, Name: name}
	}
	a := store.Node{NodeKey: key("prod", "a"), Sensor: "vedette", Version: "1.2", Kernel: "6.1", Session: "s", Missing: []string{"x"}, Heard: day(3), Gap: 1, Lost: 2, LossAt: day(2), Since: day(1)}
	b := store.Node{NodeKey: key("prod", "b"), Audited: day(1)}
	c := store.Node{NodeKey: key("dev", "a"), Heard: day(1), Ended: day(4)}
	want(t, "put", s.Commit(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Node(a.NodeKey)
		if !errors.Is(err, finding.ErrNotFound) {
			t.Errorf("a node that is not there: %v", err)
		}
		return errors.Join(tx.PutNode(&a), tx.PutNode(&b), tx.PutNode(&c))
	}), nil)
	a.Heard = day(5)
	want(t, "put again", s.Commit(t.Context(), func(tx *store.Tx) error {
		got, err := tx.Node(c.NodeKey)
		if d := cmp.Diff(c, got); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		return tx.PutNode(&a)
	}), nil)
	for since, list := range map[time.Time][]store.Node{day(0): {c, a, b}, day(2): {c, a}, day(5): {a}, day(6): nil} {
		got, err := s.Nodes(t.Context(), since)
		if d := cmp.Diff(list, got); d != "" || err != nil {
			t.Errorf("since %s: %v\n%s", since, err, d)
		}
	}
	want(t, "prune", s.PruneNodes(t.Context(), day(5)), nil)
	if got, err := s.Nodes(t.Context(), day(0)); err != nil || len(got) != 1 || got[0].Name != "a" || got[0].Cluster != "prod" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestNodeCoverage(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	well := store.Node{Sensor: "vedette", Version: "1.1", Heard: ago(time.Minute), Since: ago(100 * time.Hour)}
	with := func(change func(*store.Node)) store.Node { n := well; change(&n); return n }
	for name, tc := range map[string]struct {
		node     store.Node
		expected bool
		kind     string
	}{
		"well":                          {well, true, ""},
		"silent for a moment":           {with(func(n *store.Node) { n.Heard = ago(170 * time.Second) }), true, ""},
		"silent":                        {with(func(n *store.Node) { n.Heard = ago(181 * time.Second) }), true, "Sensor not reporting"},
		"silent, of another make":       {with(func(n *store.Node) { n.Sensor, n.Heard = "falco", ago(5*time.Hour) }), true, ""},
		"silent for more than a day":    {with(func(n *store.Node) { n.Heard = ago(25 * time.Hour) }), false, "Sensor not reporting"},
		"silent, and others see it":     {with(func(n *store.Node) { n.Heard, n.Audited = ago(50*time.Hour), ago(time.Minute) }), true, "Sensor not reporting"},
		"drained":                       {with(func(n *store.Node) { n.Ended, n.Audited = ago(10*time.Minute), ago(9*time.Minute) }), false, "Sensor stopped"},
		"only the sensor was stopped":   {with(func(n *store.Node) { n.Ended, n.Audited = ago(10*time.Minute), ago(time.Minute) }), true, "Sensor stopped"},
		"deleted":                       {with(func(n *store.Node) { n.Heard, n.Removed = ago(10*time.Minute), ago(9*time.Minute) }), false, "Sensor not reporting"},
		"deleted and made again":        {with(func(n *store.Node) { n.Removed = ago(9 * time.Minute) }), true, ""},
		"never had one":                 {store.Node{Audited: ago(time.Minute), Since: ago(time.Hour)}, true, "Sensor missing"},
		"starts":                        {store.Node{Audited: ago(time.Minute), Since: ago(2 * time.Minute)}, false, "Sensor missing"},
		"lost records":                  {with(func(n *store.Node) { n.Lost, n.LossAt = 7, ago(14*time.Minute) }), true, "Sensor losing events"},
		"lost records some time before": {with(func(n *store.Node) { n.Lost, n.LossAt = 7, ago(16*time.Minute) }), true, ""},
	} {
		kind, detail := tc.node.Ailment(now)
		if got := tc.node.Expected(now); got != tc.expected || kind != tc.kind || (kind == "") != (detail == "") {
			t.Errorf("%s: expected %v, %q %q", name, got, kind, detail)
		}
	}
	var nodes []store.Node
	for i, name := range strings.Fields("a b c d e f g h i j") {
		n := well
		if n.Name = name; i > 1 {
			n.Heard = ago(time.Hour)
		}
		if i == 0 {
			n.Version = "1.2"
		}
		nodes = append(nodes, n)
	}
	nodes[9].Ended = ago(time.Hour)
	c := store.CoverageOf(nodes, now)
	if c.Expected != 9 || c.Covered != 2 || c.Version != "1.1" || !strings.HasPrefix(c.Issue, "Sensor not reporting:c (last heard at 2026-05-01T11:00:00Z), d (") || !strings.HasSuffix(c.Issue, "), and 2 more nodes") {
		t.Errorf("%+v", c)
	}
	if c := store.CoverageOf(nodes[:2], now); c.Issue != "" || c.Expected != 2 || c.Covered != 2 {
		t.Errorf("%+v", c)
	}
	if c := store.CoverageOf(nil, now); c.Expected+c.Covered != 0 || c.Issue != "" {
		t.Errorf("%+v", c)
	}
}
