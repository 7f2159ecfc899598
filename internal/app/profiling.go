package app

import (
	"net/http"
	"net/http/pprof"

	"github.com/vedette-project/vedette/internal/ingest"
)

// profiling serves profiles of the process. They show what is in memory, so
// only callers on this machine get any, wherever else it can be reached from:
// in a cluster those come by kubectl port-forward. A proxy is not a caller.
func profiling(mux *http.ServeMux) {
	for path, serve := range map[string]http.HandlerFunc{
		"/debug/pprof/": pprof.Index, "/debug/pprof/cmdline": pprof.Cmdline, "/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol": pprof.Symbol, "/debug/pprof/trace": pprof.Trace,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if !ingest.FromLoopback(r) || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
				http.Error(w, "profiles are served to callers on the same machine only; use kubectl port-forward, or ssh", http.StatusForbidden)
				return
			}
			serve(w, r)
		})
	}
}
