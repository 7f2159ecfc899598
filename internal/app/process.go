package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/store"
)

// patience is how long a start waits for a database or a journal that may just
// be starting, too.
const patience = time.Minute

// patiently tries to open something until it is there, or says for good that
// it will not be.
func (a *App) patiently(ctx context.Context, what string, open func(context.Context) error) error {
	start := time.Now()
	for {
		err := open(ctx)
		if err == nil || !mayCome(err) {
			return err
		}
		if waited := time.Since(start); waited > patience {
			return fmt.Errorf("%s did not answer for %s: %w", what, waited.Round(time.Second), err)
		}
		a.Log.Warn(what+" does not answer yet; trying again for a minute", "err", err)
		if pause(ctx, time.Second) != nil {
			return err
		}
	}
}

// mayCome reports whether what cannot be opened may be there later.
func mayCome(err error) bool { return store.IsTemporary(err) || errors.Is(err, journal.ErrUnavailable) }

// machine is what a process that comes back is known by, if it was not given a
// name: the machine's.
func (a *App) machine() string {
	if a.Config.Server.Name != "" {
		return a.Config.Server.Name
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unnamed"
	}
	return host
}

// workerID tells this process from all others that share the store. Two
// processes of one machine that were given no name are two workers.
func (a *App) workerID() string {
	switch {
	case a.Config.Store.Postgres.URL == "":
		return "local"
	case a.Config.Server.Name != "":
		return a.Config.Server.Name
	}
	return a.machine() + "/" + strconv.Itoa(os.Getpid())
}

// unique refuses a name that another living process has: both would take each
// other's shards again and again. A process of that name that died does not
// prolong its leases.
func (a *App) unique(ctx context.Context) error {
	id := a.workerID()
	if a.Config.Store.Postgres.URL == "" {
		return nil // the data directory is locked
	}
	before, err := a.leases(ctx, id)
	if err != nil || len(before) == 0 {
		return err
	}
	if err := pause(ctx, leaseBeat*3/2); err != nil {
		return err
	}
	after, err := a.leases(ctx, id)
	for shard, until := range after {
		if was, held := before[shard]; held && until.After(was) {
			return fmt.Errorf("server.name: another process works under the name %s; give each its own", id)
		}
	}
	return err
}

// leases are the shards of a worker, and how long it holds them.
func (a *App) leases(ctx context.Context, id string) (map[int]time.Time, error) {
	shards, err := a.keys.store.Shards(ctx)
	out := map[int]time.Time{}
	for _, sh := range shards {
		if sh.Owner == id {
			out[sh.N] = sh.Expires
		}
	}
	return out, err
}
