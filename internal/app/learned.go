package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// learnedName is the state of a scope that says how much its models know. It is
// for people: detection has its own.
const learnedName = "learned"

// ScopeLearned is how much the models know of a scope.
type ScopeLearned struct {
	Scope  event.Scope
	Models []detect.Learned
}

// LearnedOf reads how much the models of a store know, by scope.
func LearnedOf(ctx context.Context, st *store.Store) ([]ScopeLearned, error) {
	all, err := st.States(ctx, learnedName)
	if err != nil {
		return nil, err
	}
	out := make([]ScopeLearned, 0, len(all))
	for _, s := range all {
		one := ScopeLearned{Scope: scopeOf(s.Scope)}
		if err := json.Unmarshal(s.Data, &one.Models); err != nil {
			return nil, fmt.Errorf("read what is learned of %s: %w", s.Scope, err)
		}
		out = append(out, one)
	}
	return out, nil
}

// scopeOf reads the name of a scope.
func scopeOf(name string) event.Scope {
	account, rest, _ := strings.Cut(name, "/")
	region, cluster, _ := strings.Cut(rest, "/")
	return event.Scope{Account: account, Region: region, Cluster: cluster}
}

// lessonsBook is what the judges of a process know, for metrics.
type lessonsBook struct {
	mu     sync.Mutex
	scopes map[event.Scope][]detect.Learned
}

func (b *lessonsBook) put(sc event.Scope, l []detect.Learned) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.scopes == nil {
		b.scopes = map[event.Scope][]detect.Learned{}
	}
	b.scopes[sc] = l
}

func (b *lessonsBook) drop(sc event.Scope) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.scopes, sc)
}

// lessons is what a judge knows of the learning of its scopes.
type lessons struct {
	keys  map[event.Scope]bool // restored: which records were learned from
	saved map[event.Scope][]byte
	now   map[event.Scope][]detect.Learned // of the commit under way
}

func newLessons() lessons {
	return lessons{keys: map[event.Scope]bool{}, saved: map[event.Scope][]byte{}, now: map[event.Scope][]detect.Learned{}}
}

// recallLessons restores which records a scope learned from, when the first
// comes to learn from.
func (j *judge) recallLessons(tx *store.Tx, sc event.Scope) error {
	if j.lessons.keys[sc] {
		return nil
	}
	err := tx.Seen(logScope(sc, detect.LearnedKeys), func(generation int64, data []byte) error {
		return j.engine.RestoreRun(sc, detect.Run{Log: detect.LearnedKeys, Generation: generation, Data: data})
	})
	if err != nil {
		return fmt.Errorf("read what was learned from of %s: %w", sc, err)
	}
	j.lessons.keys[sc] = true
	return nil
}

// keepLessons stores how much is known of a scope, if that changed.
func (j *judge) keepLessons(tx *store.Tx, sc event.Scope) error {
	l := j.engine.Learned(sc)
	if len(l) == 0 {
		return nil
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if bytes.Equal(data, j.lessons.saved[sc]) {
		return nil
	}
	j.lessons.saved[sc], j.lessons.now[sc] = data, l
	return tx.PutState(sc.String(), learnedName, data)
}

// tellLessons tells the metrics what is committed.
func (j *judge) tellLessons() {
	for sc, l := range j.lessons.now {
		j.metrics.lessons.put(sc, l)
	}
	clear(j.lessons.now)
}

// forgetLessons forgets what is read again, or told by another process.
func (j *judge) forgetLessons() {
	for sc := range j.lessons.saved {
		j.metrics.lessons.drop(sc)
	}
	j.lessons = newLessons()
}
