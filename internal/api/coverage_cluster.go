package api

import (
	"cmp"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Who looks after the sensors of a cluster.
const (
	autoManaged = "AUTO_MANAGED" // Vedette, as the detector asks
	manual      = "MANUAL"       // who runs the cluster
	disabled    = "DISABLED"     // nobody: there are none
)

// The states of the sensor, in the words of EKS for add-ons.
const (
	addonCreating     = "CREATING"
	addonCreateFailed = "CREATE_FAILED"
	addonUpdating     = "UPDATING"
	addonActive       = "ACTIVE"
	addonDegraded     = "DEGRADED"
	addonDeleting     = "DELETING"
)

// addNodes adds what is known of the nodes of a cluster with sensors; c is nil
// where its API server is not asked. Heard says that records of sensors came.
func (r *coverageResource) addNodes(d *finding.Detector, c *store.Cluster, n store.NodeCoverage, heard bool) {
	e := &r.ResourceDetails.EKSClusterDetails
	covered, compatible := int64(n.Covered), int64(n.Expected+n.Starting)
	e.CoveredNodes, e.CompatibleNodes, e.ManagementType = &covered, &compatible, managementType(d, c, &n, heard)
	r.Issue = cmp.Or(r.Issue, n.Pending, n.Note)
	if status := addonStatus(c, &n, e.ManagementType); status != "" {
		e.AddonDetails = &addonDetails{n.Version, status}
	}
}

func managementType(d *finding.Detector, c *store.Cluster, n *store.NodeCoverage, heard bool) string {
	switch {
	case c == nil || c.Sensor.Foreign:
		return manual
	case c.Managed && d.ManagesSensors():
		return autoManaged
	case !c.Managed && heard:
		return manual
	case n.Covered > 0 && c.LeftAlone() != "": // of a server before this one
		return manual
	case n.Covered > 0 && !c.Sensor.Installed && !c.Sensor.Deleting: // what is ours reports until it is gone
		return manual
	}
	return disabled
}

// addonStatus is the state of the sensor; "" where there is none.
func addonStatus(c *store.Cluster, n *store.NodeCoverage, management string) string {
	s := &store.ClusterSensor{}
	if c != nil {
		s = &c.Sensor
	}
	switch {
	case s.Deleting:
		return addonDeleting
	case management == autoManaged && !s.Installed && c.Wanted && c.Fault != "":
		return addonCreateFailed
	case management == autoManaged && (!s.Installed || n.Version == "" && n.Expected == 0):
		return addonCreating
	case n.Version == "" && management != autoManaged:
		return ""
	case n.Covered < n.Expected:
		return addonDegraded
	case s.Installed && (s.Updated < s.Desired || n.Starting > 0):
		return addonUpdating
	}
	return addonActive
}

// isRuntimeSource reports whether something came from sensors of the cluster.
func isRuntimeSource(sources []store.Source, c *store.Cluster) bool {
	return slices.ContainsFunc(sources, func(s store.Source) bool {
		return s.SourceKey == store.SourceKey{Source: sourceRuntime, Account: c.Account, Region: c.Region, Cluster: c.Name}
	})
}

// newSilentCluster is a cluster that is known, and from whose sensors nothing
// ever came.
func newSilentCluster(d *finding.Detector, c *store.Cluster, now time.Time) coverageResource {
	src := store.Source{SourceKey: store.SourceKey{Source: sourceRuntime, Account: c.Account, Region: c.Region, Cluster: c.Name}, Status: store.Unhealthy, Updated: c.Since}
	if src.Updated.IsZero() {
		src.Updated = c.At
	}
	n := store.CoverageIn(c, nil, now)
	switch {
	case c.LeftAlone() != "":
		src.Issue = c.LeftAlone() + "; no record of it was heard"
	case !d.MonitorsRuntime():
		src.Issue = "Runtime Monitoring disabled:the detector does not ask for RUNTIME_MONITORING, and no sensor of the cluster was heard"
	case !c.Managed:
		src.Issue = "Sensor missing:no sensor of the cluster was heard; deploy it with `vedette kube sensor`, or let Vedette manage it (kubernetes.clusters[].sensor.managed)"
	case !d.ManagesSensors():
		src.Issue = "Agent management disabled:the detector does not ask for EKS_ADDON_MANAGEMENT, and no sensor of the cluster was heard; switch it on, or deploy the sensor with `vedette kube sensor`"
	case c.Wanted && c.Fault == "" && !c.NodesAt.IsZero() && n.Expected+n.Starting == 0:
		src.Status, src.Issue = store.Healthy, n.Note // there is nothing to watch
	default:
		src.Issue = cmp.Or(n.Issue, n.Pending, "Provisioning in progress:the sensor is being installed")
	}
	r := newCoverageResource(*d, &src)
	r.addNodes(d, c, n, false)
	if c.NodesAt.IsZero() {
		e := &r.ResourceDetails.EKSClusterDetails
		e.CoveredNodes, e.CompatibleNodes = nil, nil
	}
	return r
}
