package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
)

func serveCommand(s streams) *cobra.Command {
	var file, dataDir, listen, metrics, role string
	var scope scopeFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take records, detect, keep findings, serve the GuardDuty API and the console",
		Long: `Runs the server: HTTP pushes under /ingest/, followed log files, detection,
the store, the GuardDuty API and the console, in one process. With a NATS cluster and a
PostgreSQL database several processes share the work; --role says which part
this one does.

Rules that detection.rules names are read again when they change, within seconds,
or at once with SIGHUP. With a fault in them those from before stay in force.

Listens on loopback only unless the configuration names a certificate, or has
the server make one by itself (server.tls.auto). The
first start makes an admin access key and says where it is, and prints a link that
lets you into the console once.`,
		Example: `  vedette serve
  vedette serve --config vedette.yaml --data-dir /var/lib/vedette`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, func(c *config.Config) {
				set(&c.Store.DataDir, dataDir)
				set(&c.Server.Listen, listen)
				set(&c.Account, scope.account)
				set(&c.Region, scope.region)
				set(&c.Cluster, scope.cluster)
				if cmd.Flags().Changed("metrics-listen") {
					c.Server.MetricsListen = metrics
				}
			})
			if err != nil {
				return err
			}
			log := logOf(s.err, cfg.Log)
			a, err := app.Start(cmd.Context(), app.Options{Config: cfg, Now: time.Now, Log: log, Version: version(), Role: role})
			if err != nil {
				return err
			}
			log.Info("serving", "addr", a.Addr, "metrics", a.MetricsAddr, "role", role, "data", dataOf(cfg), "journal", journalOf(cfg), "version", version())
			if u := a.ConsoleURL(); u != "" {
				log.Info("open the console: " + u)
			}
			defer reloadOnHangup(a)()
			err = a.Run(cmd.Context())
			log.Info("stopped")
			return err
		},
	}
	f := cmd.Flags()
	configFlag(f, &file, "")
	f.StringVar(&dataDir, "data-dir", "", `folder of the findings and keys (default "vedette-data")`)
	f.StringVar(&listen, "listen", "", "address of the API and the pushes (default 127.0.0.1:8700)")
	f.StringVar(&metrics, "metrics-listen", "", `address of /metrics, /livez and /readyz (default 127.0.0.1:8701; "" for none)`)
	f.StringVar(&role, "role", "all", "what this process does: all, or some of ingest, detect and api with commas between")
	f.StringVar(&scope.account, "account", "", "AWS account of the findings (12 digits; default 000000000000)")
	f.StringVar(&scope.region, "region", "", "AWS Region of the findings (default us-east-1)")
	f.StringVar(&scope.cluster, "cluster", "", `cluster of followed logs (default "kubernetes")`)
	return cmd
}
