package decode

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// clusterScope is the scope of an audit record that names its cluster itself.
// Account and Region stay those of the installation: sensors on the nodes of
// the same cluster know no others, and both must be of one scope.
func (d *Decoder) clusterScope(named string) event.Scope {
	s := d.scope
	if isCluster(named) && !meansSame(s.Cluster, named) {
		s.Cluster = d.name(named)
	}
	return s
}

// meansSame reports whether the name that a sender gave to a cluster is one for
// the cluster that a record names. Clouds write names in either case, and use
// the same name in several places; a sender tells those apart by a name that
// has something before or behind the one of the cloud, as in prod-eu for prod.
func meansSame(given, named string) bool {
	if len(given) <= len(named) {
		return strings.EqualFold(given, named)
	}
	const between = "-_."
	head, tail := given[:len(named)], given[len(given)-len(named):]
	return strings.EqualFold(head, named) && strings.IndexByte(between, given[len(named)]) >= 0 ||
		strings.EqualFold(tail, named) && strings.IndexByte(between, given[len(given)-len(named)-1]) >= 0
}
