package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// Sources that stand for the delivery of logs rather than for records. Their
// health is told by who reads them.
const (
	sourceDigests = "cloudtrail-digest"
	sourceObjects = "s3-objects"
)

// Times of their health: digests come every hour, an object that was lost is
// shown for a day, and a queue or bucket for as long as somebody asks it.
const (
	digestsQuietAfter = 4 * time.Hour
	lostShownFor      = 24 * time.Hour
	forgottenAfter    = time.Hour
)

// awsMetrics are what reading objects tells Prometheus.
type awsMetrics struct {
	objects  *prometheus.CounterVec
	bytes    prometheus.Counter
	messages *prometheus.CounterVec
	digests  prometheus.Counter
	problems *prometheus.CounterVec
}

func newAWSMetrics(reg prometheus.Registerer) *awsMetrics {
	m := &awsMetrics{
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_objects_total", Help: "Objects of S3, by what became of them: read, known (read before), passed over (no logs), failed (tried again), lost.",
		}, []string{"result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_ingest_object_bytes_total", Help: "Bytes of objects that were read, decompressed.",
		}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_queue_messages_total", Help: "Messages of queues, by how they ended: done, passed over, retried, lost.",
		}, []string{"result"}),
		digests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vedette_ingest_digests_total", Help: "Digests of CloudTrail that were checked.",
		}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_digest_problems_total", Help: "What digests of CloudTrail showed to be missing, changed or forged.",
		}, []string{"kind"}),
	}
	for _, kind := range ingest.DigestKinds() { // so that an alert has something to compare with
		m.problems.WithLabelValues(kind)
	}
	reg.MustRegister(m.objects, m.bytes, m.messages, m.digests, m.problems)
	return m
}

func (m *awsMetrics) object(result string, bytes int64) {
	m.objects.WithLabelValues(result).Inc()
	m.bytes.Add(float64(bytes))
}

func (m *awsMetrics) message(result string) { m.messages.WithLabelValues(result).Inc() }

func (m *awsMetrics) problem(_ event.Scope, p ingest.DigestProblem) {
	m.problems.WithLabelValues(p.Kind).Inc()
}

// checked notes how far the chain of a trail is complete. A scope may have
// several, and is well when all of them are.
func (s *objectSources) checked(ctx context.Context, sc event.Scope, chain string, until time.Time, open []ingest.DigestProblem) error {
	s.metrics.digests.Inc()
	name := sourceDigests + ":" + sc.Account + "/" + sc.Region
	return s.note(ctx, sourceDigests, sc, until, func(tx *store.Tx) (string, error) {
		issues := map[string]string{}
		data, err := tx.Cursor(name)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return "", err
		}
		if err == nil && json.Unmarshal(data, &issues) != nil {
			clear(issues) // it is written anew, chain by chain
		}
		if delete(issues, chain); len(open) > 0 {
			issues[chain] = issueOf(open)
		}
		if data, err = json.Marshal(issues); err != nil {
			return "", err
		}
		for _, c := range slices.Sorted(maps.Keys(issues)) {
			return issues[c], tx.PutCursor(name, data)
		}
		return "", tx.PutCursor(name, data)
	})
}

func issueOf(open []ingest.DigestProblem) string {
	last := open[len(open)-1]
	issue := fmt.Sprintf("Logs incomplete:%s: %s: %s", last.Kind, last.What, last.Detail)
	if len(open) > 1 {
		issue += fmt.Sprintf(" (and %d more; see the log)", len(open)-1)
	}
	return issue
}

// lost notes an object that could not be read.
func (s *objectSources) lost(ctx context.Context, sc event.Scope, what string, err error) {
	s.metrics.objects.WithLabelValues("lost").Inc()
	s.app.Log.Error("what was announced could not be read and is given up; its records were not seen", "what", what, "err", err)
	if sc.Account == "" {
		sc = event.Scope{Account: s.app.Config.Account, Region: s.app.Config.Region}
	}
	issue := fmt.Sprintf("Object lost:%s: %v", what, err)
	err = s.note(ctx, sourceObjects, sc, time.Time{}, func(*store.Tx) (string, error) { return issue, nil })
	if err != nil && ctx.Err() == nil {
		s.app.Log.Error("a lost object could not be noted", "what", what, "err", err)
	}
}

// note sets the health of a source: well without an issue.
func (s *objectSources) note(ctx context.Context, source string, sc event.Scope, at time.Time, look func(tx *store.Tx) (issue string, err error)) error {
	k := store.SourceKey{Source: source, Account: sc.Account, Region: sc.Region}
	return s.app.keys.store.Commit(ctx, func(tx *store.Tx) error {
		issue, err := look(tx)
		if err != nil {
			return err
		}
		status := store.Healthy
		if issue != "" {
			status = store.Unhealthy
		}
		if err := tx.TouchSource(k, s.app.Now(), at); err != nil {
			return err
		}
		_, err = tx.SetSourceStatus(k, status, issue)
		return err
	})
}

// deliveryHealth is the health of a source that stands for deliveries; own is
// false for sources of records.
func deliveryHealth(src *store.Source, now time.Time) (status, issue string, own bool) {
	quiet := now.Sub(src.LastReceived)
	switch {
	case src.SourceKey.Source == sourceDigests && src.Status == store.Healthy && quiet > digestsQuietAfter:
		return store.Unhealthy, fmt.Sprintf("No digests received:the last one came at %s; see that the trail is logging with the validation of log files, and that its digests reach Vedette",
			src.LastReceived.UTC().Format(time.RFC3339)), true
	case src.SourceKey.Source == sourceObjects && quiet > lostShownFor:
		return store.Healthy, "", true
	case isAsked(src.SourceKey.Source) && quiet > forgottenAfter: // nobody reads it any more
		return store.Healthy, "", true
	case src.SourceKey.Source == sourceDigests, src.SourceKey.Source == sourceObjects, isAsked(src.SourceKey.Source):
		return src.Status, src.Issue, true
	}
	return "", "", false
}

// Objects are remembered for longer than any queue keeps a message, so that
// none is read twice.
const (
	rememberFor  = 30 * 24 * time.Hour
	forgetEvery  = 6 * time.Hour
	forgetAtOnce = 500
)

// forgetObjects removes the marks of objects that nobody will announce again.
func (a *App) forgetObjects(ctx context.Context) {
	for pause(ctx, forgetEvery) == nil {
		if n, err := a.forgetOnce(ctx, a.Now().Add(-rememberFor)); err != nil && ctx.Err() == nil {
			a.Log.Error("the marks of old objects could not be removed", "err", err)
		} else if n > 0 {
			a.Log.Info("the marks of old objects were removed", "count", n)
		}
	}
}

func (a *App) forgetOnce(ctx context.Context, before time.Time) (n int, err error) {
	after, end := ingest.MarkRange()
	for {
		list, err := a.keys.store.Cursors(ctx, after, end, forgetAtOnce)
		if err != nil || len(list) == 0 {
			return n, err
		}
		after = list[len(list)-1].Name
		var old []store.NamedCursor
		for _, c := range list {
			if ingest.MarkExpired(c.Data, before) {
				old = append(old, c)
			}
		}
		if len(old) == 0 {
			continue
		}
		if err := a.keys.store.DeleteCursors(ctx, old); err != nil {
			return n, err
		}
		n += len(old)
	}
}
