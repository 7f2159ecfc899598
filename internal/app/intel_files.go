package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
)

// filesEvery is how often the files of an operator are looked at.
const filesEvery = 3 * time.Second

// fileWatch takes up changes of the files that the configuration names. What
// cannot be read leaves in force what was, and is tried again: that a file may
// be read now does not show in its size and time.
type fileWatch struct {
	app             *App
	stamp           string          // how the lists were when they were last read
	list, keep, geo said            // faults
	told            map[string]said // of each list, by its key
	failed          bool            // nothing could be read the last time
	again           bool            // the files are looked at even if they look the same
}

func newFileWatch(a *App) *fileWatch { return &fileWatch{app: a, told: map[string]said{}} }

// watchFiles looks at lists and databases until ctx ends.
func (a *App) watchFiles(ctx context.Context) {
	w := newFileWatch(a)
	for pause(ctx, filesEvery) == nil {
		w.lists()
		w.place()
	}
}

// lists reads the lists again when they changed. The first time it does so in
// any case: they may have changed since the start read them.
func (w *fileWatch) lists() {
	log := w.app.Log
	now := listStamp(w.app.Config)
	if now == w.stamp && !w.again {
		return
	}
	w.stamp = now
	p, files, err := OperatorPart(w.app.Config)
	if w.list.news(err) {
		log.Error("a list that the configuration names cannot be read; all of these stay as they were until it can", "err", err)
	}
	mended := w.failed && err == nil
	if w.failed, w.again = err != nil, err != nil; err != nil {
		return
	}
	mended = w.tell(files) || mended
	if err := keepFiles(w.app.Config, files); w.keep.news(err) {
		log.Warn("what the lists that the configuration names say cannot be kept for a start that finds them damaged", "folder", keptDir(w.app.Config), "err", err)
	}
	w.app.current.files.Store(&files)
	before := w.app.current.set.Load().Part(operatorPart)
	if changed := changedLists(before, p); len(changed) > 0 {
		w.app.putPart(p)
		log.Info("lists that the configuration names were read again", "lists", strings.Join(changed, ", "))
	} else if mended {
		log.Info("the lists that the configuration names can be read again; nothing in them changed")
	}
}

// tell logs what is wrong with each list, once, and reports whether one is
// without fault that had one. What is of no use as a whole is looked at again
// and again.
func (w *fileWatch) tell(files []OperatorFile) (mended bool) {
	for i := range files {
		f := &files[i]
		key := string(f.Holds) + " " + f.Name
		told := w.told[key]
		mended = mended || told.text != "" && f.Fault == nil
		if told.news(f.Fault) {
			w.app.Log.Warn("a list that the configuration names has a fault", "list", f.Name, "file", f.Path, "err", f.Fault, "then", f.Remedy())
		}
		w.told[key] = told
		w.again = w.again || f.state() == fileKept
	}
	return mended
}

// changedLists names the lists of a part that do not say what they said before,
// with the number of entries that they have now.
func changedLists(before, now *intel.Part) (changed []string) {
	var was []intel.List
	if before != nil {
		was = before.Lists()
	}
	for _, l := range now.Lists() {
		same := func(o intel.List) bool {
			return o.Name == l.Name && o.Holds == l.Holds && o.SHA256 == l.SHA256 && o.Entries == l.Entries
		}
		known := slices.ContainsFunc(was, func(o intel.List) bool { return o.Name == l.Name && o.Holds == l.Holds })
		if (known || l.Entries > 0) && !slices.ContainsFunc(was, same) {
			changed = append(changed, fmt.Sprintf("%s (%d entries)", l.Name, l.Entries))
		}
	}
	return changed
}

// place opens the databases of places again when they changed.
func (w *fileWatch) place() {
	a := w.app
	if !a.current.place.Load().Stale() {
		return
	}
	db, err := OpenGeo(a.Config)
	if w.geo.news(err) {
		a.Log.Error("a geo database changed and cannot be read; what was read before stays in use", "err", err)
	}
	if err != nil {
		return
	}
	a.current.place.Store(db)
	a.metrics.intelChanges.WithLabelValues("geo").Inc()
	a.Log.Info("the geo databases were read again", "databases", geoNames(db.Sources()))
}

// listStamp changes when one of the operator's files does.
func listStamp(c *config.Config) string {
	var out strings.Builder
	for _, l := range operatorFiles(c) {
		info, err := os.Stat(l.Path)
		if err != nil {
			fmt.Fprintf(&out, "%s %v\n", l.Path, errors.Unwrap(err))
			continue
		}
		fmt.Fprintf(&out, "%s %d %d\n", l.Path, info.Size(), info.ModTime().UnixNano())
	}
	return out.String()
}
