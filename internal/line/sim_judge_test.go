package line

import (
	"errors"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// simJudge does what the judge does, with effects that can be checked: each
// record counts, and a chain depends on the order of all of them. What it
// knows of a scope is in memory, and kept in the store by what came new.
type simJudge struct {
	s      *sim
	node   *node
	scopes map[event.Scope]*simScope
	met    []event.Scope // in this commit
	ledger map[[2]string]int64
}

type simScope struct {
	seen  map[string]bool
	fresh []string
	chain uint64
}

const (
	simSource   = "audit"
	simDetector = "d"
	chainName   = "chain"
)

var errPoison = errors.New("this record cannot be judged")

var _ Judge[*simTx] = (*simJudge)(nil)

func newSimJudge(s *sim, n *node) *simJudge {
	return &simJudge{s: s, node: n, scopes: map[event.Scope]*simScope{}, ledger: map[[2]string]int64{}}
}

func (j *simJudge) add(o event.Outcome, r event.Reason, n int64) {
	j.ledger[[2]string{string(o), string(r)}] += n
}

func (j *simJudge) Judge(tx *simTx, p *Push) error {
	j.add(event.Received, "", p.Received)
	for i := range p.Batch.Events {
		ev := &p.Batch.Events[i]
		id := strings.Clone(ev.Audit.AuditID) // it is kept, and the bytes are not ours
		if p.Drop != "" {
			j.add(event.Dropped, p.Drop, 1)
			continue
		}
		if reason, skip := p.Skip[i]; skip {
			j.add(event.Dropped, reason, 1)
			continue
		}
		sc, err := j.scope(tx, ev.Scope)
		if err != nil {
			return err
		}
		if sc.seen[id] && j.s.mutant != mutantNoRecordDedup {
			j.add(event.Duplicate, event.ReasonSeenBefore, 1)
			continue
		}
		sc.seen[id] = true
		sc.fresh = append(sc.fresh, id)
		sc.chain = link(sc.chain, id)
		j.add(event.Evaluated, "", 1)
		j.s.tell("judges %s", id)
		switch {
		case j.s.world.deadly[id]:
			j.s.note(faultPoisonDeadly)
			j.node.kill()
		case j.s.world.poison[id]:
			j.s.note(faultPoison)
			return errPoison
		}
		tx.effect(id)
		tx.addFinding(strings.Clone(ev.Scope.Cluster))
		if n := len(id); id[n-1]%2 == 0 {
			tx.change(store.Change{Kind: store.ChangeSource, Data: []byte(`{"account":"` + id + `","status":"UNHEALTHY"}`)})
		}
	}
	return nil
}

// link is the next of a chain that depends on the order.
func link(chain uint64, id string) uint64 {
	h := fnv.New64a()
	h.Write(strconv.AppendUint(nil, chain, 16))
	h.Write([]byte(id))
	return h.Sum64()
}

func (j *simJudge) scope(tx *simTx, s event.Scope) (*simScope, error) {
	if !slices.Contains(j.met, s) {
		j.met = append(j.met, s)
	}
	if sc := j.scopes[s]; sc != nil {
		return sc, nil
	}
	sc := &simScope{seen: map[string]bool{}}
	data, err := tx.State(s.Cluster, chainName)
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return nil, err
	}
	if err == nil && j.s.mutant != mutantNoRestore {
		sc.chain, _ = strconv.ParseUint(string(data), 16, 64)
	}
	for _, id := range tx.c.db.seen[s.Cluster] {
		sc.seen[id] = true
	}
	j.scopes[s] = sc
	return sc, nil
}

func (j *simJudge) Finish(tx *simTx) error {
	for _, s := range j.met {
		sc := j.scopes[s]
		if len(sc.fresh) == 0 {
			continue
		}
		if feud := j.s.world.feud; slices.Contains(sc.fresh, feud[0]) && slices.Contains(sc.fresh, feud[1]) {
			return errPoison
		}
		if err := tx.PutState(s.Cluster, chainName, strconv.AppendUint(nil, sc.chain, 16)); err != nil {
			return err
		}
		tx.addSeen(s.Cluster, sc.fresh)
		sc.fresh = nil
	}
	var rows []store.LedgerRow
	for k, n := range j.ledger {
		rows = append(rows, store.LedgerRow{Source: simSource, Outcome: k[0], Reason: k[1], Count: n})
	}
	return tx.AddLedger(rows)
}

func (j *simJudge) Committed(time.Duration) { j.begin() }

func (j *simJudge) begin() {
	j.met = nil
	clear(j.ledger)
}

func (j *simJudge) Forget() {
	if j.s.mutant != mutantNoForget {
		clear(j.scopes)
	}
	j.begin()
}
