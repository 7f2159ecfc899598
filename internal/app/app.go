package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

var _ api.Store = (*store.Store)(nil)

// Options are what a server needs; all fields are required.
type Options struct {
	Config  *config.Config
	Now     func() time.Time
	Log     *slog.Logger
	Version string
}

// App is a running server.
type App struct {
	Options
	// Addr and MetricsAddr are where it listens; they are known once Start returned.
	Addr, MetricsAddr string

	keys     *Keys
	line     *line
	registry *prometheus.Registry
	metrics  *metrics

	// stops undo what Start did, in reverse order.
	stops []stop
	fatal chan error
}

type stop struct {
	what string
	do   func(context.Context) error
}

// Start opens the store, begins to listen and to follow logs. What it started
// is ended by Stop, also when Start itself fails.
func Start(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{Options: o, registry: prometheus.NewRegistry(), fatal: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.Background()))
		}
	}()
	c := o.Config
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.metrics = newMetrics(a.registry, o.Version)

	unlock, err := lockData(c.Store.DataDir)
	if err != nil {
		return a, err
	}
	a.onStop("unlock the data directory", func(context.Context) error { return unlock() })
	st, sealer, err := openData(ctx, c.Store.DataDir, o.Now)
	if err != nil {
		return a, err
	}
	a.onStop("close the store", func(context.Context) error { return st.Close() })
	a.keys = &Keys{st, sealer, o.Now}
	if err := remember(ctx, st, identity{c.Account, c.Region}); err != nil {
		return a, fmt.Errorf("note what is served: %w", err)
	}
	if err := a.firstKey(ctx); err != nil {
		return a, err
	}
	if ids, err := Unusable(ctx, st, sealer); err != nil {
		return a, fmt.Errorf("read the access keys: %w", err)
	} else if len(ids) > 0 { // judging goes on; nobody can use these keys
		a.Log.Error("access keys were sealed with another sealing key; restore it, or make new keys", "ids", ids, "file", access.KeyFileName)
	}

	a.line = newLine(st, detect.Options{LegacyKubernetes: c.Detection.LegacyKubernetesTypes}, runtime.GOMAXPROCS(0), o.Log, a.metrics)
	a.background("end judging", func(ctx context.Context) {
		var wg sync.WaitGroup
		for _, s := range a.line.shards {
			wg.Go(func() { s.run(ctx) })
		}
		wg.Wait()
	})
	a.background("end retention", func(ctx context.Context) { a.prune(ctx, st) })

	if err := a.listen(ctx); err != nil {
		return a, err
	}
	for _, f := range c.Ingest.Follow {
		a.follow(st, f)
	}
	return a, nil
}

// Run waits until ctx ends or the server cannot go on, and stops it.
func (a *App) Run(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.fatal:
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, a.Stop(shutdown))
}

// Stop ends what Start began, in reverse order: senders first, the store last.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for i := len(a.stops) - 1; i >= 0; i-- {
		if err := a.stops[i].do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.stops[i].what, err))
		}
	}
	a.stops = nil
	return errors.Join(errs...)
}

func (a *App) onStop(what string, do func(context.Context) error) {
	a.stops = append(a.stops, stop{what, do})
}

// background runs something until Stop, which waits for it.
func (a *App) background(what string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	a.onStop(what, func(limit context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-limit.Done():
			return limit.Err()
		}
	})
}

// CredentialsFile holds the access key that the first start made.
const CredentialsFile = "admin-credentials.env"

// firstKey makes an admin key when there never was one, and writes it where
// only the operator can read it. Keys for pushes may be older than the server.
func (a *App) firstKey(ctx context.Context) error {
	list, err := a.keys.List(ctx)
	isAdmin := func(k store.Key) bool { return k.Role == string(access.RoleAdmin) }
	if err != nil || slices.ContainsFunc(list, isAdmin) {
		return err
	}
	key, err := a.keys.Create(ctx, access.RoleAdmin, "made by the first start")
	if err != nil {
		return fmt.Errorf("make the first access key: %w", err)
	}
	path := filepath.Join(a.Config.Store.DataDir, CredentialsFile)
	if err := os.WriteFile(path, []byte(Env(key, a.Config.Region)), 0o600); err != nil {
		return fmt.Errorf("write the first access key: %w", err)
	}
	a.Log.Info("the first access key was made; load it with: . "+path, "file", path, "role", string(key.Role))
	return nil
}

// Env prints a key as lines for a shell.
func Env(k access.Key, region string) string {
	out := "export AWS_ACCESS_KEY_ID=" + k.ID + "\nexport AWS_SECRET_ACCESS_KEY=" + k.Secret + "\nexport AWS_DEFAULT_REGION=" + region + "\n"
	if k.Role.May(access.RightPush) {
		out += "export VEDETTE_INGEST_TOKEN=" + k.Token() + "\n"
	}
	return out
}

func (a *App) listen(ctx context.Context) error {
	c := a.Config
	tlsConfig, err := serverTLS(c.Server.TLS)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/ingest/", ingest.NewPush(ingest.PushOptions{
		Sink: a.line, Scope: event.Scope{Account: c.Account, Region: c.Region}, ValidCluster: config.ValidCluster,
		Authorize: a.authorizePush, MaxBody: c.Ingest.MaxBodyBytes, Now: a.Now, Log: a.Log, Observe: a.metrics.pushed,
	}))
	mux.Handle("/", api.New(api.Options{
		Store: a.keys.store, Keys: a.keys.lookup, Account: c.Account, Region: c.Region, Now: a.Now, Logger: a.Log,
	}))
	if a.Addr, err = a.serve(ctx, "serve the API", c.Server.Listen, mux, tlsConfig); err != nil {
		return err
	}
	if c.Server.MetricsListen == "" {
		return nil
	}
	ops := http.NewServeMux()
	ops.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	ops.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	ops.HandleFunc("GET /readyz", a.ready)
	a.MetricsAddr, err = a.serve(ctx, "serve metrics", c.Server.MetricsListen, ops, nil)
	return err
}

// ready says whether records can be taken: the store answers.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	if _, err := a.keys.store.Detectors(r.Context()); err != nil {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
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

func serverTLS(t config.TLS) (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load the server's certificate: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ClientCAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read the client authorities: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the client authorities: no certificate in %s", t.ClientCAFile)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	return c, nil
}

func (a *App) follow(st *store.Store, f config.Follow) {
	cluster := f.Cluster
	if cluster == "" {
		cluster = a.Config.Cluster
	}
	o := ingest.FollowOptions{
		Path: f.Path, Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: cluster},
		Sink: a.line, Now: a.Now, Log: a.Log,
		Cursor: func(ctx context.Context, name string) ([]byte, error) {
			data, err := st.Cursor(ctx, name)
			if errors.Is(err, finding.ErrNotFound) {
				return nil, nil
			}
			return data, err
		},
	}
	a.background("end following "+f.Path, func(ctx context.Context) {
		if err := ingest.Follow(ctx, o); err != nil {
			a.Log.Error("a log cannot be followed", "file", f.Path, "err", err)
		}
	})
}

// pruneEvery is how often old findings are looked for.
const pruneEvery = time.Hour

func (a *App) prune(ctx context.Context, st *store.Store) {
	for {
		before := a.Now().AddDate(0, 0, -a.Config.Store.RetentionDays)
		if n, err := st.Prune(ctx, before); err != nil && ctx.Err() == nil {
			a.Log.Error("old findings could not be removed", "err", err)
		} else if n > 0 {
			a.Log.Info("old findings were removed", "count", n, "before", before.UTC().Format(time.DateOnly))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pruneEvery):
		}
	}
}
