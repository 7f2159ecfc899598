package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/store"
)

// Times of the lists that the API manages.
const (
	// listBeat is how often it is asked what was wished.
	listBeat = 250 * time.Millisecond
	// lookEvery is how often it is asked whether a source has changed, and
	// lookRarely if the only way to know is to read all of it.
	lookEvery  = time.Minute
	lookRarely = 15 * time.Minute
	// readFor bounds how long a list may take to be read.
	readFor = 2 * time.Minute
	// adoptFor is how long it is waited until all workers judge by what is in
	// force. One that does not answer for so long does not judge either.
	adoptFor  = 10 * time.Second
	adoptBeat = 50 * time.Millisecond
	// deletedFor is how long a deleted list is shown as DELETED, for those who
	// wait for that.
	deletedFor       = 24 * time.Hour
	forgetListsEvery = time.Hour
)

// ListOptions are what carrying out the wishes for lists needs.
type ListOptions struct {
	Store *store.Store
	// Folders are those from which lists may be read, with all below them;
	// without any no location may be a file.
	Folders []string
	// S3 makes a client for the buckets of a Region; "" is where Vedette is.
	S3 func(ctx context.Context, region string) (*s3.Client, error)
	// Endpoint is the URL of the store if it is not AWS's. URLs that begin with
	// it are read as its objects.
	Endpoint string
	// Account, if not empty, must own the buckets of entity lists that name no
	// owner, as GuardDuty has it. It means nothing to stores other than AWS's.
	Account string
	// HTTP reads all other URLs; see NewListClient.
	HTTP  *http.Client
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
}

// Lists carries out what is wished of the lists that the API manages: reads
// them, puts them in force, drops them, and reads them again when their sources
// change. Of the processes that share a store one may run it at a time.
type Lists struct {
	ListOptions

	mu   sync.Mutex
	busy map[string]bool      // lists that are worked on
	look map[string]time.Time // when to look at a source again
}

// NewLists returns Lists that wait for Run.
func NewLists(o ListOptions) *Lists {
	return &Lists{ListOptions: o, busy: map[string]bool{}, look: map[string]time.Time{}}
}

// Run works until ctx ends. Lists do not wait for each other: a source that
// does not answer holds up nobody else's.
func (l *Lists) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	var forgotten time.Time
	for {
		if err := l.begin(ctx, &work); err != nil && ctx.Err() == nil {
			l.Log.Error("it cannot be told what is wished of the lists; trying again", "err", err)
		}
		if now := l.Now(); now.Sub(forgotten) >= forgetListsEvery {
			if err := l.Store.ForgetLists(ctx, now.Add(-deletedFor)); err != nil && ctx.Err() == nil {
				l.Log.Error("deleted lists could not be forgotten", "err", err)
			}
			forgotten = now
		}
		if l.Sleep(ctx, listBeat) != nil {
			return
		}
	}
}

// begin starts what there is to do.
func (l *Lists) begin(ctx context.Context, work *sync.WaitGroup) error {
	lists, err := l.Store.Lists(ctx)
	if err != nil {
		return err
	}
	for _, li := range lists {
		if !l.take(&li) {
			continue
		}
		work.Go(func() {
			defer l.release(li.ID)
			if err := l.work(ctx, li); err != nil && ctx.Err() == nil {
				l.Log.Error("what became of a list could not be noted; trying again", "list", li.Name, "id", li.ID, "err", err)
			}
		})
	}
	return nil
}

// take reports whether there is something to do for a list, and makes it busy.
func (l *Lists) take(li *store.List) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch li.Status {
	case store.ListActivating, store.ListDeactivating, store.ListDeletePending:
	case store.ListActive, store.ListError:
		if l.Now().Before(l.look[li.ID]) {
			return false
		}
	default:
		return false
	}
	if l.busy[li.ID] {
		return false
	}
	l.busy[li.ID] = true
	return true
}

func (l *Lists) release(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, id)
}

// lookAgain sets when a source is looked at again.
func (l *Lists) lookAgain(id string, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look[id] = l.Now().Add(after)
}

// work does what a list's status asks for. Its error is of the store; faults of
// sources are results.
func (l *Lists) work(ctx context.Context, li store.List) error {
	switch li.Status {
	case store.ListActivating:
		if li.Applied == li.Wish { // it was read, and only that was still to be said
			return l.adopted(ctx, li, store.ListActive)
		}
		return l.read(ctx, li, "")
	case store.ListDeactivating:
		return l.drop(ctx, li, store.ListInactive)
	case store.ListDeletePending:
		return l.drop(ctx, li, store.ListDeleted)
	}
	return l.read(ctx, li, li.Mark)
}

// read reads a list, unless its source still looks as it did (mark, "" to read
// it in any case), and puts it in force.
func (l *Lists) read(ctx context.Context, li store.List, mark string) error {
	limited, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	got, err := l.fetch(limited, &li, mark)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	again := lookEvery
	if err == nil && got.mark == "" {
		again = lookRarely
	}
	l.lookAgain(li.ID, again)
	switch {
	case errors.Is(err, errSame):
		return nil
	case err != nil:
		return l.failed(ctx, li, got.mark, err)
	}
	l.Log.Info("a list was read", "list", li.Name, "id", li.ID, "entries", got.content.Entries, "location", li.Location)
	status := store.ListActivating
	if li.Status == store.ListActive { // it stays so while its content changes
		status = store.ListActive
	}
	now, ok, err := l.Store.SettleList(ctx, li, store.ListOutcome{Status: status, ErrorDetails: got.note, Mark: got.mark, Content: got.content})
	if err != nil || !ok || now.Status == store.ListActive {
		return err
	}
	return l.adopted(ctx, now, store.ListActive)
}

// failed notes that a list cannot be read. What was in force stays.
func (l *Lists) failed(ctx context.Context, li store.List, mark string, fault error) error {
	status := store.ListError
	if li.Status == store.ListActive {
		status = store.ListActive
	}
	details := details(fault.Error())
	if li.InForce() {
		details += fmt.Sprintf("; what was read at %s stays in force, %d entries", li.ReadAt.UTC().Format(time.RFC3339), li.Entries)
	}
	if status == li.Status && details == li.ErrorDetails && mark == li.Mark {
		return nil
	}
	l.Log.Warn("a list cannot be read", "list", li.Name, "id", li.ID, "location", li.Location, "err", fault)
	_, _, err := l.Store.SettleList(ctx, li, store.ListOutcome{Status: status, ErrorDetails: details, Mark: mark})
	return err
}

// maxDetails bounds errorDetails, which may quote what strangers wrote.
const maxDetails = 1000

func details(text string) string {
	if len(text) > maxDetails {
		text = strings.ToValidUTF8(text[:maxDetails], "") + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// drop takes a list out of force and gives it the status that it has then.
func (l *Lists) drop(ctx context.Context, li store.List, status string) error {
	if li.Applied != li.Wish {
		now, ok, err := l.Store.SettleList(ctx, li, store.ListOutcome{Status: li.Status, Drop: true})
		if err != nil || !ok {
			return err
		}
		li = now
	}
	return l.adopted(ctx, li, status)
}

// adopted waits until the workers judge by what is in force, and gives a list
// the status that it has then.
func (l *Lists) adopted(ctx context.Context, li store.List, status string) error {
	deadline := l.Now().Add(adoptFor)
	for {
		behind, err := l.Store.WorkersBehind(ctx, li.Generation)
		if err != nil {
			return err
		}
		if len(behind) == 0 {
			break
		}
		if !l.Now().Before(deadline) {
			l.Log.Warn("workers do not say that they judge by a list", "list", li.Name, "id", li.ID, "workers", behind)
			break
		}
		if err := l.Sleep(ctx, adoptBeat); err != nil {
			return err
		}
	}
	_, ok, err := l.Store.SettleList(ctx, li, store.ListOutcome{Status: status, ErrorDetails: li.ErrorDetails, Mark: li.Mark})
	if err == nil && ok {
		l.Log.Info("a list changed", "list", li.Name, "id", li.ID, "kind", string(li.Kind), "status", status)
	}
	return err
}
