package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Sources that stand for a queue or a bucket that is asked for logs. They have
// its name where others have a cluster's.
const (
	SourceQueue  = "sqs-queue"
	SourceBucket = "s3-bucket"
)

// AskedSource is a queue or a bucket of the configuration.
type AskedSource struct {
	store.SourceKey
	Config string // the key of the configuration
}

func askedQueue(c *config.Config, i int) AskedSource {
	_, name, _ := strings.Cut(c.Ingest.Queues[i].URL, "://")
	return AskedSource{store.SourceKey{Source: SourceQueue, Account: c.Account, Region: c.Region, Cluster: name}, fmt.Sprintf("ingest.queues[%d]", i)}
}

func askedBucket(c *config.Config, i int) AskedSource {
	name := c.Ingest.Buckets[i].Name
	return AskedSource{store.SourceKey{Source: SourceBucket, Account: c.Account, Region: c.Region, Cluster: name}, fmt.Sprintf("ingest.buckets[%d]", i)}
}

// AskedSources are all queues and buckets of a configuration.
func AskedSources(c *config.Config) (out []AskedSource) {
	for i := range c.Ingest.Queues {
		out = append(out, askedQueue(c, i))
	}
	for i := range c.Ingest.Buckets {
		out = append(out, askedBucket(c, i))
	}
	return out
}

// Times of their health.
const (
	// unreachableAfter is for how long calls of one kind fail before it is said:
	// AWS, too, has bad seconds.
	unreachableAfter = 10 * time.Second
	// reachNoted is how often it is noted that nothing changed.
	reachNoted = time.Minute
	// reachKept is for how long a complaint counts that nobody repeats: its
	// process ended, or does not read this source any more.
	reachKept = 30 * time.Minute
)

// reach notes of a queue or bucket whether it can be reached: by the queue, by
// the bucket, with the roles there are. Each kind of call has a fate of its own.
type reach struct {
	app *App
	src AskedSource

	mu     sync.Mutex
	failed map[string]time.Time // since when calls of a kind fail
	state  map[string]bool      // what was noted last of a kind: that it is well
	at     map[string]time.Time // when that was; "" is for all kinds
}

func newReach(a *App, src AskedSource) *reach {
	return &reach{app: a, src: src, failed: map[string]time.Time{}, state: map[string]bool{}, at: map[string]time.Time{}}
}

// tell takes what became of a call.
func (r *reach) tell(ctx context.Context, call string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, well, last := r.app.Now(), err == nil, r.at[""]
	if well {
		delete(r.failed, call)
	} else {
		since, failing := r.failed[call]
		if !failing {
			since, r.failed[call] = now, now
		}
		if now.Sub(since) < unreachableAfter {
			return
		}
		last = r.at[call]
	}
	was, known := r.state[call]
	if known && was == well && now.Sub(last) < reachNoted {
		return
	}
	if noted := r.note(ctx, call, err, now); noted != nil {
		if ctx.Err() == nil {
			r.app.Log.Error("it could not be noted whether a source is reached", "source", r.src.Config, "err", noted)
		}
		return
	}
	switch {
	case !well && (!known || was):
		r.app.Log.Error("a source cannot be reached", "source", r.src.Source, "name", r.src.Cluster, "key", r.src.Config, "err", err)
	case well && known && !was:
		r.app.Log.Info("a source is reached again", "source", r.src.Source, "name", r.src.Cluster, "call", call)
	}
	r.state[call], r.at[call], r.at[""] = well, now, now
}

// complaint is that calls of one kind fail in one process.
type complaint struct {
	Issue string    `json:"issue"`
	At    time.Time `json:"at"`
}

// note keeps what became of calls of a kind, beside what other processes and
// other kinds of calls say.
func (r *reach) note(ctx context.Context, call string, fault error, now time.Time) error {
	name := "reach:" + r.src.Source + ":" + r.src.Cluster
	mine := strings.Join([]string{r.app.machine(), r.src.Config, call}, " ")
	where := r.src.Config
	if r.app.Config.Store.Postgres.URL != "" { // the others may reach it
		where += " on " + r.app.machine()
	}
	return r.app.keys.store.Commit(ctx, func(tx *store.Tx) error {
		said := map[string]complaint{}
		data, err := tx.Cursor(name)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return err
		}
		if err == nil && json.Unmarshal(data, &said) != nil {
			clear(said) // it is written anew, call by call
		}
		maps.DeleteFunc(said, func(_ string, c complaint) bool { return now.Sub(c.At) > reachKept })
		if delete(said, mine); fault != nil {
			said[mine] = complaint{fmt.Sprintf("Source unreachable:%s: %v", where, fault), now}
		}
		status, issue := store.Healthy, ""
		for _, k := range slices.Sorted(maps.Keys(said)) {
			status, issue = store.Unhealthy, said[k].Issue
			break
		}
		if data, err = json.Marshal(said); err != nil {
			return err
		}
		if err := tx.PutCursor(name, data); err != nil {
			return err
		}
		if err := tx.TouchSource(r.src.SourceKey, now, time.Time{}); err != nil {
			return err
		}
		_, err = tx.SetSourceStatus(r.src.SourceKey, status, issue)
		return err
	})
}

// isAsked reports whether a source is a queue or a bucket.
func isAsked(source string) bool { return source == SourceQueue || source == SourceBucket }

// unreachable names the queues and buckets that cannot be reached.
func (a *App) unreachable(ctx context.Context) (names []string, err error) {
	list, err := a.keys.store.Sources(ctx)
	for _, s := range list {
		if isAsked(s.SourceKey.Source) && s.Status != store.Healthy {
			names = append(names, s.SourceKey.Source+"/"+s.Cluster)
		}
	}
	return names, err
}
