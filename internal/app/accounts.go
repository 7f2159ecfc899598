package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/kube"
)

// accounts knows senders by the tokens of their service accounts. The cluster
// that made a token is asked whose it is, and what it answered is remembered.
// Who sends tokens of no use costs a cluster little: a token is looked at before
// it is asked about, and of each sender and cluster there is a rate.
type accounts struct {
	clusters map[string]*cluster // by audience
	now      func() time.Time
	log      *slog.Logger
	metrics  *clusterMetrics

	mu      sync.Mutex
	good    map[tokenHash]time.Time // until when a token is accepted
	bad     map[tokenHash]refusedToken
	asking  map[tokenHash]*question
	senders map[string]*bucket   // by address
	budgets map[string]*bucket   // by cluster
	told    map[string]time.Time // when the log said last that a cluster does not answer
}

type tokenHash = [sha256.Size]byte

// refusedToken is why, and until when.
type refusedToken struct {
	denied *ingest.Denied
	until  time.Time
}

// question is one that is being asked, for all who brought the same token.
type question struct {
	done chan struct{} // closed when err is there
	err  error
}

// Bounds of what is remembered, for how long, and of what is asked.
const (
	acceptedFor = 5 * time.Minute
	refusedFor  = 10 * time.Second
	maxAccepted = 20_000
	maxRefused  = 4096
	maxSenders  = 4096
	reviewIn    = 10 * time.Second

	// A second; many nodes may be behind one address.
	reviewsPerSender, reviewsPerSenderAtOnce   = 20, 200
	reviewsPerCluster, reviewsPerClusterAtOnce = 50, 500
)

func newAccounts(clusters []*cluster, now func() time.Time, log *slog.Logger, m *clusterMetrics) *accounts {
	s := &accounts{
		clusters: map[string]*cluster{}, now: now, log: log, metrics: m,
		good: map[tokenHash]time.Time{}, bad: map[tokenHash]refusedToken{}, asking: map[tokenHash]*question{},
		senders: map[string]*bucket{}, budgets: map[string]*bucket{}, told: map[string]time.Time{},
	}
	for _, c := range clusters {
		s.clusters[c.Audience()] = c
	}
	return s
}

// find is the cluster that a token says it is for; nil if it says nothing of
// the kind, or of none that is known.
func (s *accounts) find(token string) (*cluster, *claims) {
	if s == nil || strings.Count(token, ".") != 2 {
		return nil, nil
	}
	c := readClaims(token)
	if c == nil {
		return nil, nil
	}
	for _, audience := range c.Audience {
		if known := s.clusters[audience]; known != nil {
			return known, c
		}
	}
	return nil, nil
}

// check lets a token of a cluster's service account in, or says why not: as
// 401 or 403 what the cluster refuses, as 503 what it could not be asked.
func (s *accounts) check(r *http.Request, c *cluster, claims *claims, token string) error {
	if denied := s.glance(c, claims); denied != nil {
		return denied
	}
	hash := sha256.Sum256([]byte(token))
	known, q, mine, err := s.recall(hash)
	switch {
	case known:
		return err
	case mine:
		q.err = s.ask(r, c, claims, token, hash)
		s.mu.Lock()
		delete(s.asking, hash)
		s.mu.Unlock()
		close(q.done)
		return q.err
	}
	select {
	case <-q.done:
		return q.err
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// glance refuses what can be seen to be of no use, at no cost for the cluster.
func (s *accounts) glance(c *cluster, claims *claims) *ingest.Denied {
	switch {
	case !claims.expires().After(s.now()):
		return &ingest.Denied{Status: http.StatusUnauthorized, Msg: "the token of the service account has ended"}
	case !c.MayPush(claims.Subject):
		return mayNotPush(c, claims.Subject)
	}
	return nil
}

// mayNotPush says whom the configuration lets push.
func mayNotPush(c *cluster, user string) *ingest.Denied {
	return &ingest.Denied{Status: http.StatusForbidden, Msg: fmt.Sprintf("%s may not push records of the cluster %s: it is not among the pushers in kubernetes.clusters of the configuration", kube.Plain(user, 200), c.Name)}
}

// ask has the cluster say whose the token is.
func (s *accounts) ask(r *http.Request, c *cluster, claims *claims, token string, hash tokenHash) error {
	if !s.wasGood(hash) && !s.spend(r, c) {
		s.metrics.reviews.WithLabelValues(c.Name, "limited").Inc()
		return &ingest.Denied{Status: http.StatusServiceUnavailable, Msg: "too many tokens at once; send the records again"}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), reviewIn) // others may wait for it, too
	defer cancel()
	review, err := c.client.ReviewToken(ctx, token, c.Audience())
	if err != nil {
		s.metrics.reviews.WithLabelValues(c.Name, "failed").Inc()
		s.tell(c, err)
		return &ingest.Denied{Status: http.StatusServiceUnavailable, Msg: "the cluster could not be asked whose the token is; send the records again"}
	}
	denied := s.judge(c, claims, &review)
	if denied != nil {
		s.metrics.reviews.WithLabelValues(c.Name, "refused").Inc()
		s.refuse(hash, denied)
		return denied
	}
	s.metrics.reviews.WithLabelValues(c.Name, "accepted").Inc()
	s.accept(hash, claims.expires())
	return nil
}

// judge turns the cluster's answer into ours. Whose the token is counts as the
// cluster says it, not as the token does.
func (s *accounts) judge(c *cluster, claims *claims, review *kube.Review) *ingest.Denied {
	switch {
	case !review.Authenticated:
		return &ingest.Denied{Status: http.StatusUnauthorized, Msg: "the cluster " + c.Name + " does not know the token, or made it for something else than " + c.Audience()}
	case !c.MayPush(review.User):
		return mayNotPush(c, review.User)
	}
	return nil
}

// tell writes into the log that a cluster does not answer, once a minute.
func (s *accounts) tell(c *cluster, err error) {
	s.mu.Lock()
	again := s.now().Sub(s.told[c.Name]) < time.Minute
	if !again {
		s.told[c.Name] = s.now()
	}
	s.mu.Unlock()
	if !again && !errors.Is(err, context.Canceled) {
		s.log.Error("a cluster could not be asked whose a token is; senders are told to come again", "cluster", c.Name, "err", err)
	}
}
