package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/manage"
	"github.com/vedette-project/vedette/internal/store"
)

// How often it is looked whether the detector wants something else, and how
// often at a cluster: when all is well there, while something goes on, and at
// most when it fails.
const (
	wishEvery    = 2 * time.Second
	clusterEvery = time.Minute
	clusterSoon  = 5 * time.Second
	clusterRetry = 2 * time.Minute
	clusterFor   = 45 * time.Second
)

// keepSensors keeps the sensors of the known clusters as the detector wants
// them. Of several processes one does. Each cluster has a goroutine of its own,
// so that one that does not answer holds nobody up.
func (a *App) keepSensors(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var keepers []*keeper
	for _, c := range a.clusters {
		k := &keeper{app: a, cluster: c, manager: a.manager(c), wish: make(chan wish, 1)}
		keepers = append(keepers, k)
		wg.Go(func() { k.run(ctx) })
	}
	var told wish
	for {
		w, err := a.wishOf(ctx)
		if err != nil && ctx.Err() == nil {
			a.Log.Error("what the detector wants of the sensors could not be read", "err", err)
		}
		if err == nil && w != told {
			if w.ours && !told.ours {
				a.forgetClusters(ctx)
			}
			told = w
			for _, k := range keepers {
				k.tell(w)
			}
		}
		if pause(ctx, wishEvery) != nil {
			return
		}
	}
}

// wish is what is to be done with the sensors.
type wish struct {
	ours bool // it is for this process to do
	of   manage.Wish
}

func (a *App) wishOf(ctx context.Context) (wish, error) {
	if _, first := a.worker.Held(); !first {
		return wish{}, nil
	}
	d, err := a.keys.store.LastDetector(ctx, finding.DetectorID(a.Config.Account, a.Config.Region))
	if errors.Is(err, finding.ErrNotFound) {
		return wish{true, manage.Leave}, nil // there never was one
	}
	return wish{true, wishOfDetector(&d)}, err
}

// wishOfDetector is what the detector wants of the sensors. Who has sensors
// removed has said so: a new detector, as one makes after the store was lost,
// has the management switched off and means nothing by it.
func wishOfDetector(d *finding.Detector) manage.Wish {
	if d.ManagesSensors() {
		return manage.Keep
	}
	if !d.Enabled || !d.DeletedAt.IsZero() {
		return manage.Remove
	}
	for i := range d.Features {
		f := &d.Features[i]
		if f.Chosen && (f.Name == "EKS_RUNTIME_MONITORING" || f.Name == "RUNTIME_MONITORING") {
			return manage.Remove
		}
	}
	return manage.Leave
}

// forgetClusters removes what is stored of clusters that are not in the
// configuration any more.
func (a *App) forgetClusters(ctx context.Context) {
	list, err := a.keys.store.Clusters(ctx)
	for i := range list {
		known := false
		for _, c := range a.clusters {
			known = known || c.Name == list[i].Name
		}
		if !known && err == nil {
			err = a.keys.store.Commit(ctx, func(tx *store.Tx) error { return tx.ForgetCluster(list[i].Name) })
		}
	}
	if err != nil && ctx.Err() == nil {
		a.Log.Error("clusters that are not configured any more could not be forgotten", "err", err)
	}
}

// keeper keeps the sensor of one cluster.
type keeper struct {
	app     *App
	cluster *cluster
	manager *manage.Manager
	wish    chan wish

	is    store.Cluster // as it was found last
	first bool          // it was looked at at least once
	fails int           // in a row
	busy  int           // looks in a row at which something went on
}

// tell replaces the wish that waits.
func (k *keeper) tell(w wish) {
	select {
	case <-k.wish:
	default:
	}
	k.wish <- w
}

func (k *keeper) run(ctx context.Context) {
	var now wish
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now = <-k.wish:
			k.fails, k.busy = 0, 0
		case <-again:
		}
		again = nil
		if !now.ours {
			k.first = false // another process goes on; what is known may be old by then
			k.app.clusterMetrics.forget(k.cluster.Name)
			continue
		}
		k.look(ctx, now.of)
		again = time.After(k.pause())
	}
}

// look makes the cluster as it should be, and notes how it is.
func (k *keeper) look(ctx context.Context, w manage.Wish) {
	ctx, cancel := context.WithTimeout(ctx, clusterFor)
	defer cancel()
	if !k.first {
		if err := k.recall(ctx); err != nil {
			k.report(ctx, err)
			return
		}
	}
	before := k.is
	if k.is.Since.IsZero() || k.is.Wanted != (w == manage.Keep) {
		k.is.Since = k.app.Now().UTC()
	}
	err := k.manager.Reconcile(ctx, w, &k.is)
	if ctx.Err() != nil && err != nil && errors.Is(err, context.Canceled) {
		return // the server stops
	}
	k.note(&before, err)
	k.report(ctx, k.put(ctx))
}

// recall reads what was known of the cluster before this process had it.
func (k *keeper) recall(ctx context.Context) error {
	list, err := k.app.keys.store.Clusters(ctx)
	if err != nil {
		return err
	}
	k.is = store.Cluster{Account: k.app.Config.Account, Region: k.app.Config.Region, Name: k.cluster.Name}
	if c := store.ClusterOf(list, k.is.Account, k.is.Region, k.is.Name); c != nil {
		k.is = *c
	}
	k.first = true
	return nil
}

// note counts and logs what became of it.
func (k *keeper) note(before *store.Cluster, err error) {
	log := k.app.Log.With("cluster", k.cluster.Name)
	if s := &k.is.Sensor; s.Name != "" {
		log = log.With("sensor", s.Namespace+"/"+s.Name)
	}
	switch is := &k.is; {
	case err != nil && is.Fault != before.Fault:
		log.Warn("the cluster cannot be kept as the detector wants it", "err", err)
	case err == nil && before.Fault != "":
		log.Info("the cluster can be kept again as the detector wants it")
	}
	switch s := &k.is.Sensor; {
	case k.is.LeftAlone() != "" && before.LeftAlone() == "":
		log.Warn("a sensor is there that no detector of this server decided on; it is left as it is", "keep", "enable RUNTIME_MONITORING with EKS_ADDON_MANAGEMENT", "remove", "disable it")
	case s.Installed && k.is.Wanted && (!before.Sensor.Installed || before.LeftAlone() != ""):
		log.Info("the sensor is managed in the cluster")
	case s.Deleting && !before.Sensor.Deleting:
		log.Info("the sensor was removed from the cluster")
	}
	k.fails++
	if err == nil {
		k.fails = 0
	}
	if k.busy++; k.settled() {
		k.busy = 0
	}
	k.app.clusterMetrics.note(&k.is)
}

func (k *keeper) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		k.app.Log.Error("what is known of a cluster could not be noted", "cluster", k.cluster.Name, "err", err)
	}
}

// settled reports whether nothing is going on in the cluster.
func (k *keeper) settled() bool {
	s := &k.is.Sensor
	if !k.is.Managed || k.is.Left {
		return true
	}
	if !k.is.Wanted {
		return !s.Deleting && !s.Installed
	}
	return s.Installed && s.Desired > 0 && s.Ready >= s.Desired && s.Updated >= s.Desired
}

// pause is how long the cluster is left alone.
func (k *keeper) pause() time.Duration {
	d := clusterEvery
	switch {
	case k.fails > 0:
		d = min(clusterSoon<<min(k.fails-1, 10), clusterRetry)
	case k.busy > 0:
		d = min(clusterSoon<<min(k.busy/6, 10), clusterEvery) // half a minute often, then less
	}
	return d + time.Duration(rand.Int64N(int64(d/10)))
}
