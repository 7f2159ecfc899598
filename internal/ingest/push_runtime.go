package ingest

import (
	"fmt"
	"net/http"

	"github.com/vedette-project/vedette/internal/event"
)

// sensorPaths are where records of sensors are pushed to: our own's, and those
// that others write in forms of their own. The content tells the form; the
// names are for whoever configures a sender.
func sensorPaths() []string {
	return []string{"/ingest/runtime", "/ingest/falco", "/ingest/tetragon", "/ingest/tracee"}
}

// runtimeChunk is for records of sensors. They name their cluster themselves,
// or else the path does; records of others belong to the server's own.
func (p *push) runtimeChunk(r *http.Request) (event.Chunk, error) {
	scope := p.Scope
	scope.Cluster = p.Cluster
	if cluster := r.PathValue("cluster"); cluster != "" {
		if !p.ValidCluster(cluster) {
			return event.Chunk{}, &refusal{http.StatusBadRequest, fmt.Sprintf("%q is not a cluster name", cluster)}
		}
		scope.Cluster = cluster
	}
	return event.Chunk{Scope: scope, Source: event.RuntimeEvents}, nil
}
