package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

// store examines what rests: keys, shards, the accounting, sources, and what
// could not be judged.
func (d *doctor) store(ctx context.Context) {
	if !d.wantsAny("store", "detection", "intelligence", "sources", "publishing") {
		return
	}
	d.group = "store"
	if !d.shared() {
		if _, err := os.Stat(app.StoreFile(d.cfg.Store.DataDir)); errors.Is(err, fs.ErrNotExist) {
			d.say(statusNote, "store", "there is none in %s; `vedette serve` makes it", d.cfg.Store.DataDir)
			return
		}
	}
	sealer := d.sealing()
	st, err := app.OpenStore(ctx, d.cfg, d.now)
	if version := (*store.VersionError)(nil); errors.As(err, &version) {
		d.say(statusFault, "store", "%v", err)
		return
	}
	if err != nil && d.shared() {
		d.say(statusFault, "store", "%v; see that the database runs, that store.postgres names it rightly and that it lets this machine in", err)
		return
	}
	if err != nil {
		d.say(statusFault, "store", "%v; %s", err, d.remedy())
		return
	}
	defer st.Close()
	d.account, d.region = app.Served(ctx, st, d.cfg.Account, d.cfg.Region)
	if d.in("store") {
		d.intact(ctx, st)
		d.about(ctx, st)
		d.keys(ctx, st, sealer)
	}
	if d.in("detection") {
		d.workers(ctx, st)
		d.ledger(ctx, st)
		d.learning(ctx, st)
		d.rules(ctx, st)
	}
	if d.in("sources") {
		d.sources(ctx, st)
	}
	if d.in("intelligence") {
		d.lists(ctx, st)
	}
	if d.in("detection") {
		d.suppressions(ctx, st)
	}
	if d.in("publishing") {
		d.publishing(ctx, st)
		d.targets(ctx, st)
	}
	if d.in("detection") {
		d.setAside(ctx, st)
	}
}

// remedy is for a store that is damaged.
func (d *doctor) remedy() string {
	if d.shared() {
		return "restore the database from a backup, or name another in store.postgres.url to start anew"
	}
	return "restore the data directory from a backup, or move it away and start anew"
}

func (d *doctor) intact(ctx context.Context, st *store.Store) {
	faults, err := st.Check(ctx)
	if err != nil {
		faults = append(faults, err.Error())
	}
	if len(faults) > 0 {
		d.say(statusFault, "store", "%s; %s", strings.Join(faults, "; "), d.remedy())
		return
	}
	d.say(statusOK, "store", "intact")
}

// sealing returns the sealer, unless something is wrong with its key. It makes
// no key: a new one opens nothing.
func (d *doctor) sealing() *access.Sealer {
	path := d.cfg.Server.SealingKeyFile
	if path == "" {
		path = filepath.Join(d.cfg.Store.DataDir, access.KeyFileName)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		d.say(statusFault, "sealing key", "%s is missing, and without it no access key works; restore it from a backup%s", path, d.elsewhere())
		return nil
	}
	sealer, err := access.OpenSealerFile(path)
	if err != nil {
		d.say(statusFault, "sealing key", "%v", err)
		return nil
	}
	d.say(statusOK, "sealing key", "readable by its owner only")
	return sealer
}

// elsewhere is more advice for a missing key where processes share a store.
func (d *doctor) elsewhere() string {
	if d.shared() {
		return ", copy it from another server, or name it in server.sealingKeyFile"
	}
	return ""
}

func (d *doctor) keys(ctx context.Context, st *store.Store, sealer *access.Sealer) {
	keys, err := st.Keys(ctx)
	if err != nil {
		d.say(statusFault, "keys", "%v", err)
		return
	}
	if sealer == nil {
		d.say(statusNote, "keys", "%d access keys, of no use without the sealing key", len(keys))
		return
	}
	lost, err := app.Unusable(ctx, st, sealer)
	switch {
	case err != nil:
		d.say(statusFault, "keys", "%v", err)
	case len(lost) > 0:
		d.say(statusFault, "keys", "%s were sealed with another sealing key; restore it from a backup, or revoke them and make new ones", strings.Join(lost, ", "))
	case len(keys) == 1:
		d.say(statusOK, "keys", "1 access key")
	default:
		d.say(statusOK, "keys", "%d access keys", len(keys))
	}
}
