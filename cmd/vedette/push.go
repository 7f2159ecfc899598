package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/push"
	"github.com/vedette-project/vedette/internal/uplink"
)

// pushFlags say what is sent, and where.
type pushFlags struct {
	server                  uplink.Server
	url                     string
	to                      *url.URL
	source, cluster, format string
	dataDir                 string
	level                   string
	follow                  bool
	metrics                 string
	retryFor                time.Duration
}

func pushCommand(s streams) *cobra.Command {
	var f pushFlags
	cmd := &cobra.Command{
		Use:   "push PATH…",
		Short: "Send logs that you have through a running server",
		Long: `Sends files, folders or standard input (-) to a server, which judges the records
as if they came just now: what an API server's webhook dropped, what came while the
server was away, what was written since a backup. Records that the server knows
count as duplicates, so what may have arrived is simply sent again.

It reads what ` + "`vedette scan`" + ` reads, told by content. Bodies hold about 1 MiB of whole
records, compressed. While the server is away, or says that it has too much to do,
a body is sent again, for --retry-for at most. The last line on standard error is
a JSON object that accounts for every record.

With --follow the files are sent as they grow, through rotation, until the
command is ended. The position in --data-dir moves when the server has answered
that all before it is on disk, so the log itself is the buffer: a server that is away
for a day loses nothing as long as the rotated files are still there.

The token is that of an access key of role ingest: --token-file, or else
VEDETTE_TOKEN or VEDETTE_INGEST_TOKEN in the environment.

Exit status: 0 everything was sent, 1 something was not, or nothing at all could be
read.`,
		Example: `  vedette push --server https://vedette.internal:8700 --ca-file ca.pem --token-file token --cluster prod /var/log/kubernetes/audit/
  zcat trail/*.gz | vedette push --server http://127.0.0.1:8700 -
  vedette push --server https://vedette.internal:8700 --token-file token --cluster prod --follow --data-dir /var/lib/vedette-push /var/log/kubernetes/audit/audit.log`,
		Args: atLeastOne("a file, a folder, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), s, args) },
	}
	f.register(cmd)
	return cmd
}

func (f *pushFlags) register(cmd *cobra.Command) {
	p := cmd.Flags()
	p.StringVar(&f.url, "server", "", "URL of the Vedette server")
	f.server.Register(p)
	p.StringVar(&f.server.Name, "tls-server-name", "", "name in the server's certificate, where it is not that of --server")
	p.StringVar(&f.source, "source", "auto", "what the input is where its content does not tell: auto, k8s-audit, cloudtrail, vpc-flow, dns, runtime")
	p.StringVar(&f.cluster, "cluster", "", "name of the cluster of audit records, and of sensors' records that name none")
	p.StringVar(&f.format, "flow-format", "", "fields of flow log lines that have no header, as the flow log was made with them")
	p.BoolVar(&f.follow, "follow", false, "send the files as they grow, until the command is ended")
	p.StringVar(&f.dataDir, "data-dir", "vedette-push", "folder of the positions of followed files")
	p.StringVar(&f.metrics, "metrics-listen", "", "with --follow: address of /metrics, /livez and /readyz, such as 127.0.0.1:8702 (default: none)")
	p.DurationVar(&f.retryFor, "retry-for", 10*time.Minute, "how long one body is tried while the server is away; with --follow it is tried for ever")
	p.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
}

func (f *pushFlags) run(ctx context.Context, s streams, paths []string) error {
	kind, err := f.check()
	if err != nil {
		return err
	}
	if f.follow {
		return f.followLogs(ctx, s, kind, paths)
	}
	start := time.Now()
	log := logger(s.err, f.level)
	sender, err := push.New(push.Options{URL: f.to, Server: f.server, Cluster: f.cluster, RetryFor: f.retryFor, Log: log})
	if err != nil {
		return err
	}
	defer sender.Close()
	bar := newProgress(s.err)
	files, unread, err := app.ReadLogs(ctx, app.ReadOptions{
		Paths: paths, Stdin: s.in, Log: log,
		Kind: event.Chunk{Scope: event.Scope{Cluster: f.cluster}, Source: kind, Format: f.format},
		Take: func(ctx context.Context, c *event.Chunk) error {
			err := sender.Take(ctx, c)
			sum := sender.Summary()
			bar.update(sum.Bytes, sum.Records)
			return err
		},
		Damaged: func(path string, reason event.Reason, detail string) {
			log.Warn("input in which no records can be told apart", "file", path, "reason", string(reason), "detail", detail)
			sender.Damaged()
		},
	})
	if err == nil {
		err = sender.Flush(ctx)
	}
	bar.clear()
	sum := sender.Summary()
	sum.Files, sum.Seconds = files, float64(time.Since(start).Milliseconds())/1000
	if err == nil && len(unread) > 0 {
		err = fmt.Errorf("%d of the inputs could not be read whole: %w", len(unread), errors.Join(unread...))
	}
	return endPush(s, sum, err)
}

// endPush prints the accounting, which is always the last line.
func endPush(s streams, sum push.Summary, err error) error {
	switch {
	case err != nil:
	case !sum.Whole():
		err = fmt.Errorf("%d records were refused; see above where", sum.Refused)
	case sum.Records > 0 && sum.Sent == sum.Malformed:
		err = errors.New("nothing could be read: whatever there is, is malformed; see above where, and that these are logs of Kubernetes, CloudTrail, VPC flows, DNS queries or sensors")
	}
	if err != nil {
		fmt.Fprintln(s.err, "vedette:", cleanLines(err.Error()))
	}
	if e := jsonTo(s.err, sum, ""); e != nil {
		return e
	}
	if err != nil {
		return exitCode(exitError)
	}
	return nil
}

// check looks at the flags before anything is read.
func (f *pushFlags) check() (event.Source, error) {
	kind, err := sourceOf(f.source)
	if err != nil {
		return "", err
	}
	if f.url == "" {
		return "", errors.New("--server is missing: name the URL of the server, such as https://vedette.internal:8700")
	}
	if f.to, err = pushURL(f.url); err != nil {
		return "", err
	}
	switch {
	case f.cluster != "" && !config.ValidCluster(f.cluster):
		return "", fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", f.cluster)
	case f.cluster == "" && kind == event.K8sAudit:
		return "", errors.New("--cluster is missing: audit records do not say of which cluster they are")
	case f.format != "" && !config.HasAddresses(f.format):
		return "", fmt.Errorf("--flow-format %q names no srcaddr and dstaddr; write the fields as the flow log was made with them", f.format)
	case f.metrics != "" && !f.follow:
		return "", errors.New("--metrics-listen is for --follow; a push that ends says at its end what it did")
	case f.retryFor < 0:
		return "", fmt.Errorf("--retry-for %s is no time to wait", f.retryFor)
	}
	f.server.Agent = "vedette-push/" + version()
	if f.server.TokenFile == "" && f.server.CertFile == "" {
		f.server.Token = cmp.Or(os.Getenv("VEDETTE_TOKEN"), os.Getenv("VEDETTE_INGEST_TOKEN"))
	}
	return kind, f.server.Check()
}
