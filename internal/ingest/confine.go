package ingest

import (
	"fmt"
	"net/http"

	"github.com/vedette-project/vedette/internal/event"
)

// confine keeps a push of somebody who stands for one cluster in the scope of
// that cluster, and reports whether it did: whatever else its records name is
// refused when they are decoded.
func (p *push) confine(r *http.Request, c *event.Chunk) (bool, error) {
	if p.Only == nil {
		return false, nil
	}
	cluster := p.Only(r)
	if cluster == "" {
		return false, nil
	}
	named := r.PathValue("cluster")
	if named != "" && named != cluster || c.Source != "" && c.Source != event.RuntimeEvents {
		return true, &refusal{http.StatusForbidden, OtherCluster(cluster).Msg}
	}
	c.Scope, c.OneAccount = p.Scope, true
	c.Scope.Cluster = cluster
	return true, nil
}

// OtherCluster is what is said to somebody who may push records of one cluster,
// and brought others.
func OtherCluster(cluster string) *Denied {
	return &Denied{http.StatusForbidden, fmt.Sprintf("this service account may push records of the cluster %s, and no others", cluster)}
}
