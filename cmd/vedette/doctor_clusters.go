package main

import (
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// clusterLag is how old what is known of a cluster may be: it is looked at once
// a minute, and less often when it fails.
const clusterLag = 10 * time.Minute

// clusters says of each cluster of the configuration whether its API server
// answers, and whether its sensor is as the detector wants it.
func (d *doctor) clusters(known []store.Cluster, sources []store.Source) {
	for i := range d.cfg.Kubernetes.Clusters {
		name := d.cfg.Kubernetes.Clusters[i].Name
		c := store.ClusterOf(known, d.cfg.Account, d.cfg.Region, name)
		if c == nil {
			d.say(statusNote, "cluster "+name, "it was not looked at yet; a server that detects does, once it runs")
			continue
		}
		d.cluster(c)
		heard := slices.ContainsFunc(sources, func(s store.Source) bool {
			return s.SourceKey.Source == string(event.RuntimeEvents) && s.Cluster == name && s.Account == c.Account && s.Region == c.Region
		})
		if c.Managed && c.Wanted && !heard { // else its nodes were told of as a source's
			d.nodesOf(name, nil, store.CoverageIn(c, nil, d.now()))
		}
	}
}

func (d *doctor) cluster(c *store.Cluster) {
	name := "cluster " + c.Name
	s := &c.Sensor
	switch {
	case d.now().Sub(c.At) > clusterLag:
		d.say(statusFault, name, "it was looked at last at %s; is a server running that detects?", moment(c.At))
	case c.Fault != "":
		d.say(statusFault, name, "%s", strings.Replace(c.Fault, ":", ": ", 1))
	case !c.Managed:
		d.say(statusOK, name, "service accounts may push its records; its sensor is not managed")
	case c.LeftAlone() != "":
		d.say(statusNote, name, "%s", strings.Replace(c.LeftAlone(), ":", ": ", 1))
	case !c.Wanted:
		d.say(statusOK, name, "its API server answers; the detector does not ask for a managed sensor (RUNTIME_MONITORING with EKS_ADDON_MANAGEMENT)")
	default:
		d.say(statusOK, name, "the DaemonSet %s/%s has %d of %d pods ready, %d of the newest form", s.Namespace, s.Name, s.Ready, s.Desired, s.Updated)
	}
	if max(c.Skew, -c.Skew) > clockSlack && d.now().Sub(c.At) <= clusterLag {
		d.say(statusFault, "clock of "+c.Name, "its API server's differs by %s from that of the server: let NTP set both, for records carry the one and findings are ordered by it", direction(-c.Skew))
	}
	list, more := c.Excluded(maxNodesTold)
	if len(list) > 0 && c.Managed {
		if more > 0 {
			list = append(list, "and more")
		}
		d.say(statusNote, "nodes without a sensor in "+c.Name, "%s", strings.Join(list, ", "))
	}
}
