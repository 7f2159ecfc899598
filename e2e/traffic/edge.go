package traffic

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// edge is what reaches the API server from outside: load balancers and uptime
// probes without credentials, and clients whose credentials have expired.
func (w *World) edge(ctx context.Context, wg *sync.WaitGroup) {
	for i, p := range []struct {
		addr, agent string
		mean        time.Duration
		paths       []string
		token       string
	}{
		{"10.0.200.1", "ELB-HealthChecker/2.0", time.Second, []string{"/readyz"}, ""},
		{"10.0.200.2", "ELB-HealthChecker/2.0", time.Second, []string{"/readyz"}, ""},
		{"10.0.200.3", "ELB-HealthChecker/2.0", time.Second, []string{"/livez", "/healthz"}, ""},
		{"203.0.113.200", "UptimeRobot/2.0", 10 * time.Second, []string{"/livez", "/version", "/healthz", "/"}, ""},
		{"203.0.113.201", "Blackbox Exporter/0.27.0", 10 * time.Second, []string{"/readyz?verbose", "/metrics", "/api"}, ""},
		{"203.0.113.30", "kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0", 15 * time.Second, []string{"/api/v1/namespaces/team-03/pods", "/apis/apps/v1/namespaces/team-03/deployments"}, "expired-token"},
		{"198.51.100.90", "kubectl/v1.32.4 (darwin/arm64) kubernetes/59526cd", 40 * time.Second, []string{"/api/v1/namespaces/team-05/pods?limit=500"}, "expired-token"},
	} {
		client, err := w.c.HTTP(p.addr)
		if err != nil {
			w.count(ctx, "probe starts", err)
			continue
		}
		w.every(ctx, wg, p.mean, uint64(7000+i), "probe "+p.agent, func(ctx context.Context, rng *rand.Rand) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.c.Server()+pick(rng, p.paths), nil)
			if err != nil {
				return fmt.Errorf("make a request: %w", err)
			}
			req.Header.Set("User-Agent", p.agent)
			if p.token != "" {
				req.Header.Set("Authorization", "Bearer "+p.token)
			}
			resp, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("call the API server: %w", err)
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		})
	}
}
