package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// leaseGrace is how far this machine's clock may be ahead of the database's,
// by which leases go, before a held shard looks like one that nobody holds.
const leaseGrace = 10 * time.Second

// workers says who judges which shard. A shard that nobody holds is a fault
// when it is known that something waits in it.
func (d *doctor) workers(ctx context.Context, st *store.Store) {
	shards, err := st.Shards(ctx)
	if err != nil {
		d.say(statusFault, "workers", "%v", err)
		return
	}
	held := map[string][]int{}
	var owners []string
	var free []int
	for _, sh := range shards {
		switch waiting := d.loads[sh.N].waiting; {
		case sh.Owner != "" && d.now().Before(sh.Expires.Add(leaseGrace)):
			if held[sh.Owner] == nil {
				owners = append(owners, sh.Owner)
			}
			held[sh.Owner] = append(held[sh.Owner], sh.N)
		case waiting > 0:
			d.say(statusFault, fmt.Sprintf("shard %d", sh.N), "nobody holds it, and %d messages wait in it; "+
				"see that a server with the role detect runs, and what its log says", waiting)
		default:
			free = append(free, sh.N)
		}
	}
	for _, owner := range owners {
		switch name := "worker " + owner; {
		case d.shared():
			d.say(statusOK, name, "it holds %s", shardNames(held[owner]))
		case d.silent: // it ended without giving them back; the next one takes them
			d.say(statusNote, name, "it held %s, but does not answer", shardNames(held[owner]))
		default:
			d.say(statusOK, name, "the one process, holds %s", shardNames(held[owner]))
		}
	}
	if len(free) > 0 {
		d.say(statusNote, "workers", "nobody holds %s; what comes waits in the journal until a server runs", shardNames(free))
	}
}

// shardNames names shards in order, runs of them by their ends.
func shardNames(ns []int) string {
	text := "shard "
	if len(ns) > 1 {
		text = "shards "
	}
	for i := 0; i < len(ns); i++ {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(ns[i])
		first := i
		for i+1 < len(ns) && ns[i+1] == ns[i]+1 {
			i++
		}
		if i > first {
			text += "-" + strconv.Itoa(ns[i])
		}
	}
	return text
}
