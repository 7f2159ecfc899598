package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

func (a *App) listen(ctx context.Context) (err error) {
	c := a.Config
	mux := http.NewServeMux()
	if a.does("ingest") {
		mux.Handle("/ingest/", ingest.NewPush(ingest.PushOptions{
			Sink: countingSink{a.writer, a.metrics}, Scope: event.Scope{Account: c.Account, Region: c.Region}, Cluster: c.Cluster, ValidCluster: config.ValidCluster,
			Authorize: a.authorizePush, Only: a.onlyCluster, MaxBody: c.Ingest.MaxBodyBytes, Now: a.Now, Log: a.Log, Observe: a.metrics.pushed, Tracer: a.tracer,
		}))
	}
	if a.does("api") {
		people, err := OpenPeople(ctx, c, a.Now)
		if err != nil {
			return err
		}
		guardduty := api.New(api.Options{
			Store: a.keys.store, Keys: a.keys.lookup, Token: a.keys.tokens(people), Account: c.Account, Region: c.Region, Now: a.Now, Logger: a.Log,
			RequestsPerSecond: c.API.RequestsPerSecond, Prices: c.Usage.Prices, Observe: a.metrics.called, Tracer: a.tracer,
			Rules: &shownRules{live: a.rules, store: a.keys.store, since: a.Now().UTC()},
		})
		mux.Handle("/", guardduty)
		pages, err := a.console(guardduty, people)
		if err != nil {
			return err
		}
		mux.Handle(console.Root, pages)
	}
	if a.does("ingest") || a.does("api") {
		if a.Addr, err = a.serve(ctx, "serve the API", c.Server.Listen, mux, a.tlsConfig()); err != nil {
			return err
		}
	}
	if c.Server.MetricsListen == "" {
		return nil
	}
	ops := http.NewServeMux()
	ops.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	ops.HandleFunc("GET /livez", a.live)
	ops.HandleFunc("GET /readyz", a.ready)
	if c.Server.Profiling {
		profiling(ops)
	}
	a.MetricsAddr, err = a.serve(ctx, "serve metrics", c.Server.MetricsListen, ops, nil)
	return err
}

func (a *App) serve(ctx context.Context, what, addr string, h http.Handler, tc *tls.Config) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("%s: %w; is another server running? Choose another address with --listen and --metrics-listen", what, err)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if tc != nil {
		l = tls.NewListener(l, tc)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.fatal <- fmt.Errorf("%s: %w", what, err)
		}
	}()
	a.onStop(what, func(ctx context.Context) error {
		if err := srv.Shutdown(ctx); err != nil {
			return errors.Join(err, srv.Close())
		}
		return nil
	})
	return l.Addr().String(), nil
}
