package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
)

// pastBed judges records as a worker does, on a store of its own, with lists
// that a test chooses.
type pastBed struct {
	t     testing.TB
	store *store.Store
	opts  detect.Options
	judge *judge
	pushes,
	restartEvery int
	failEvery int // every so many commits fails once, after all its work
}

var errKilled = errors.New("killed")

func newPastBed(t testing.TB, lists *intel.Set) *pastBed {
	t.Helper()
	st, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &pastBed{t: t, store: st, opts: detect.Options{Intel: lists, Home: finding.Home{Account: "111122223333", Region: "eu-central-1"}}}
	b.restart()
	return b
}

// restart goes on with what the store has.
func (b *pastBed) restart() {
	now := func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }
	limits := b.judge
	b.judge = newJudge(b.opts, config.Default().Intelligence.History, slog.New(slog.NewTextHandler(b.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), newMetrics(prometheus.NewRegistry(), "test"), now)
	if limits != nil {
		limits.past.shelves = b.judge.past.shelves
		b.judge.past = limits.past
	}
}

var bedScope = event.Scope{Account: "111122223333", Region: "eu-central-1"}

// push judges one push in a commit of its own.
func (b *pastBed) push(sc event.Scope, source event.Source, lines ...string) {
	b.t.Helper()
	b.commit(b.decoded(sc, source, lines...))
}

func (b *pastBed) decoded(sc event.Scope, source event.Source, lines ...string) *line.Push {
	b.t.Helper()
	batch := &decode.Batch{}
	new(decode.Decoder).Decode(&event.Chunk{
		Stream: "test", Received: begin, Scope: sc, Source: source, Data: []byte(strings.Join(lines, "\n") + "\n"),
	}, batch)
	n := int64(len(batch.Events))
	for _, r := range batch.Rejects {
		b.t.Errorf("reject %+v", r)
		n += r.Count
	}
	return &line.Push{Batch: &batch.Batch, Received: n}
}

func (b *pastBed) commit(pushes ...*line.Push) {
	b.t.Helper()
	b.pushes++
	fail := b.failEvery > 0 && b.pushes%b.failEvery == 0
	for {
		err := b.store.Commit(context.Background(), func(tx *store.Tx) error {
			for _, p := range pushes {
				if err := b.judge.Judge(tx, p); err != nil {
					return err
				}
			}
			if err := b.judge.Finish(tx); err != nil || !fail {
				return err
			}
			return errKilled
		})
		if errors.Is(err, errKilled) {
			fail = false
			b.judge.Forget()
			continue
		}
		if err != nil {
			b.t.Fatal(err)
		}
		break
	}
	b.judge.Committed(0)
	if b.restartEvery > 0 && b.pushes%b.restartEvery == 0 {
		b.restart()
	}
}

// tell tells a scope what lists have from now on.
func (b *pastBed) tell(sc event.Scope, list ...event.Indicator) {
	b.t.Helper()
	data, err := decode.EncodeIndicators(begin, list)
	if err != nil {
		b.t.Fatal(err)
	}
	b.push(sc, event.Intel, strings.TrimSpace(string(data)))
}

func (b *pastBed) decodedEntry(e event.Indicator) *line.Push {
	b.t.Helper()
	data, err := decode.EncodeIndicators(begin, []event.Indicator{e})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.decoded(bedScope, event.Intel, strings.TrimSpace(string(data)))
}

func (b *pastBed) findings() []*finding.Finding {
	b.t.Helper()
	det := finding.DetectorID("111122223333", "eu-central-1")
	m := memory{}
	q := finding.Query{DetectorID: det, Limit: 50}
	for {
		ids, next, err := b.store.ListFindings(context.Background(), q)
		if err != nil {
			b.t.Fatal(err)
		}
		fs, err := b.store.Findings(context.Background(), det, ids, finding.Sort{})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, f := range fs {
			m[f.ID] = &finding.Record{Finding: f}
		}
		if next == "" {
			return m.sorted()
		}
		q.After = next
	}
}

// told is what of a finding is the same whenever it was found.
func told(f *finding.Finding) string {
	out := fmt.Sprintf("%s %s..%s x%d", f.Type, f.Service.EventFirstSeen, f.Service.EventLastSeen, f.Service.Count)
	if r := f.Resource; r != nil {
		if d := r.InstanceDetails; d != nil {
			out += " " + d.InstanceID
			for _, n := range d.NetworkInterfaces {
				out += " " + n.NetworkInterfaceID + n.PrivateIPAddress
			}
		}
		if d := r.LambdaDetails; d != nil {
			out += " " + d.FunctionName
		}
		if d := r.AccessKeyDetails; d != nil {
			out += " " + d.PrincipalID + " " + d.UserName
		}
		for _, d := range r.S3BucketDetails {
			out += " " + d.Name
		}
		if d := r.EKSClusterDetails; d != nil {
			out += " " + d.Name + " " + r.KubernetesDetails.KubernetesUserDetails.Username
		}
	}
	if e := f.Service.Evidence; e != nil {
		for _, d := range e.ThreatIntelligenceDetails {
			out += fmt.Sprintf(" %s%q", d.ThreatListName, d.ThreatNames)
		}
	}
	return out + " " + f.Service.ResourceRole
}

// entriesOf are those of the built-in lists that name what a finding is about.
func entriesOf(f *finding.Finding) (out []event.Indicator) {
	set := intel.Builtin()
	var hits []intel.Hit
	for _, name := range askedIn(f) {
		hits = append(hits, set.Domain(name)...)
	}
	for _, ip := range peersIn(f) {
		hits = append(hits, set.Addr(ip)...)
	}
	for _, h := range hits {
		out = append(out, event.Indicator{
			Category: string(h.Category), Entry: h.Entry, List: h.List, Names: h.Names, Below: h.Of != nil && h.Of.Match != intel.MatchExact,
		})
	}
	return out
}
