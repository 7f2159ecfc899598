package app

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/store"
)

// BenchmarkPass is what a pass of the correlator costs where the store has so
// many notes of two weeks: the first of a process, and one after ten notes more.
// What it would write is left out: there are no findings.
func BenchmarkPass(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		st := storeOfNotes(b, n)
		find := func(b *testing.B, c *noteCache) {
			book, _, err := c.notes(b.Context(), st, func(key string, err error) { b.Fatal(key, err) })
			if err != nil {
				b.Fatal(err)
			}
			sequence.Find(book, sequence.Options{})
		}
		b.Run(fmt.Sprint("first/", n), func(b *testing.B) {
			for b.Loop() {
				c := newNoteCache()
				find(b, &c)
			}
		})
		b.Run(fmt.Sprint("next/", n), func(b *testing.B) {
			c := newNoteCache()
			find(b, &c)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				putNotes(b, st, notesOf(rand.New(rand.NewPCG(7, uint64(i))), 10, n/20+1))
				b.StartTimer()
				find(b, &c)
			}
		})
	}
}

func storeOfNotes(b *testing.B, n int) *store.Store {
	b.Helper()
	st, err := store.Open(b.Context(), StoreFile(b.TempDir()), store.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	putNotes(b, st, notesOf(rand.New(rand.NewPCG(5, 6)), n, n/20+1))
	return st
}

// notesOf are the notes of n calls of so many people within two weeks, of which
// one in two hundred is a finding.
func notesOf(rnd *rand.Rand, n, people int) *sequence.Book {
	book := sequence.NewBook(sequence.Builtin())
	scope := event.Scope{Account: "111122223333", Region: "eu-central-1"}
	calls := [][2]string{{"sts", "GetCallerIdentity"}, {"s3", "ListBuckets"}, {"iam", "CreateUser"}, {"iam", "AttachRolePolicy"}, {"ssm", "StartSession"}, {"kms", "DisableKey"}}
	for i := range n {
		id := fmt.Sprintf("AIDAEXAMPLE%06d", rnd.IntN(people))
		c := calls[rnd.IntN(len(calls))]
		ev := &event.Event{Time: quietStart.Add(time.Duration(rnd.IntN(15*24*60)) * time.Minute), Scope: scope, Trail: &event.Trail{
			Service: c[0] + ".amazonaws.com", Name: c[1], Management: true, EventID: fmt.Sprint(i), SourceIP: "198.18.0.1", Recipient: scope.Account,
			Identity: event.Identity{Type: "IAMUser", PrincipalID: id, AccountID: scope.Account, UserName: "u" + id, AccessKeyID: "AKIA" + id},
		}}
		if i%200 > 0 {
			book.Event(ev)
			continue
		}
		book.Finding(&finding.Signal{Type: "Persistence:IAM/AccountManipulation", Key: id, Account: scope.Account, Region: scope.Region, Time: ev.Time, Occurrence: ev.Trail.EventID}, false, ev)
	}
	return book
}

func putNotes(b *testing.B, st *store.Store, book *sequence.Book) {
	b.Helper()
	err := st.Commit(b.Context(), func(tx *store.Tx) error {
		s := steps{book: book, next: map[string][]byte{}}
		return s.write(tx)
	})
	if err != nil {
		b.Fatal(err)
	}
}
