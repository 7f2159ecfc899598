package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// ail fills a store with everything that doctor knows of.
func ail(t *testing.T, cfg *config.Config) {
	t.Helper()
	ctx, at := t.Context(), time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	st, err := app.OpenStore(ctx, cfg, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	row := func(cluster, outcome, reason string, n int64) store.LedgerRow {
		return store.LedgerRow{Source: "k8s-audit", Account: cfg.Account, Region: cfg.Region, Cluster: cluster,
			Outcome: outcome, Reason: reason, Count: n, First: at, Last: at}
	}
	lost := func(reason string, n int64) store.LedgerRow {
		return store.LedgerRow{Source: "journal", Outcome: "dropped", Reason: reason, Count: n}
	}
	ahead := row("ahead", "evaluated", "", 1)
	ahead.Last = at.AddDate(70, 0, 0)
	flows := row("prod", "malformed", "wrong_format", 2) // met in a folder of the cluster prod
	flows.Source = "vpc-flow"
	plain := flows
	plain.Cluster = ""
	took := func(r store.LedgerRow) store.LedgerRow { r.Outcome, r.Reason = "received", ""; return r }
	other := row("prod", "evaluated", "", 1)
	other.Account, other.Last = "999900001111", time.Time{}
	key := func(cluster string) store.SourceKey {
		return store.SourceKey{Source: "k8s-audit", Account: cfg.Account, Region: cfg.Region, Cluster: cluster}
	}
	err = st.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(key("dev"), store.Unhealthy, "No records received:the last one came long ago")
		return errors.Join(err, tx.TouchSource(key("prod"), at, at), tx.AddLedger([]store.LedgerRow{
			row("prod", "received", "", 17), row("prod", "evaluated", "", 10), row("prod", "duplicate", "seen_before", 2),
			row("prod", "malformed", "not_json", 3), row("prod", "malformed", "bad_field", 1), row("prod", "dropped", "set_aside", 1),
			row("prod", "truncated", "", 4), row("prod", "late", "", 5),
			row("dev", "received", "", 5), row("dev", "evaluated", "", 3),
			row("", "received", "", 2), row("quiet", "received", "", 7), row("quiet", "evaluated", "", 7),
			flows, took(flows), plain, took(plain), ahead, took(ahead),
			other, lost("journal_gap", 3), lost("journal_corrupt", 1),
		}), tx.SetAside(store.SetAside{Shard: 1, Position: 7, Reason: "older", At: at}),
			tx.SetAside(store.SetAside{Shard: 2, Position: 9, Reason: "it cannot be read: \x1b[2J", At: at}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.ResizeShards(ctx, 6); err != nil {
		t.Fatal(err)
	}
	for n, ttl := range []time.Duration{time.Hour, time.Hour, time.Millisecond, time.Hour} {
		if _, err := st.Claim(ctx, n, fmt.Sprintf("worker-%d", n/2), ttl); err != nil {
			t.Fatal(err)
		}
	}
}

// ailing is what doctor finds in the store that ail fills.
const ailing = `ok store: intact
note keys: 0 access keys, of no use without the sealing key
fault shard 5: nobody holds it, and 8 messages wait in it; see that a server with the role detect runs, and what its log says
WORKERS
note workers: nobody holds shards 2, 4; what comes waits in the journal until a server runs
fault lost messages, journal_corrupt: 1 messages of the journal could not be read and were set aside: look at its disk, find when in the server's log, and ` + "`vedette scan`" + ` the audit log of that time
fault lost messages, journal_gap: the journal lost 3 messages that it had taken, before they were judged: look at its disk or its NATS servers, find when in the server's log, and ` + "`vedette scan`" + ` the audit log of that time
fault records of k8s-audit: not balanced: 2 received, but none that ended make 0: 2 missing; records are missing from the accounting or in it twice: report this with the server's log; newest of 2026-01-01 10:00:00 UTC
note records of k8s-audit/ahead: balanced: 1 received = 1 evaluated; newest of 2096-01-01 10:00:00 UTC, which is to come: a clock of those who write these records is wrong
fault records of k8s-audit/dev: not balanced: 5 received, but 3 evaluated make 3: 2 missing; records are missing from the accounting or in it twice: report this with the server's log; newest of 2026-01-01 10:00:00 UTC
note records of k8s-audit/prod: balanced: 17 received = 10 evaluated + 2 duplicate (seen_before) + 4 malformed (1 bad_field, 3 not_json) + 1 dropped (set_aside); of these 4 truncated, 5 late; newest of 2026-01-01 10:00:00 UTC
ok records of k8s-audit/quiet: balanced: 7 received = 7 evaluated; newest of 2026-01-01 10:00:00 UTC
fault records of k8s-audit/prod of 999900001111 in us-east-1: not balanced: 0 received, but 1 evaluated make 1: 1 too many; records are missing from the accounting or in it twice: report this with the server's log
note records of vpc-flow: balanced: 2 received = 2 malformed (wrong_format); newest of 2026-01-01 10:00:00 UTC
note records of vpc-flow/prod: balanced: 2 received = 2 malformed (wrong_format); newest of 2026-01-01 10:00:00 UTC
RULES
fault source k8s-audit/dev: UNHEALTHY since 2026-01-01 10:00:00 UTC: No records received:the last one came long ago
ok source k8s-audit/prod: something came last at 2026-01-01 10:00:00 UTC, AGE ago
fault set aside: 2 records or messages were set aside, the newest at 2026-01-01 10:00:00 UTC (shard 2, position 9): it cannot be read: ` + "\x1b" + `[2J; the table TABLE keeps them, and the server's log says more: report the reason, then delete the rows
`

// report is what was found, a line each, without what is of the machine.
func (d *doctor) report() string {
	var b strings.Builder
	for _, c := range d.checks {
		if c.Name != "sealing key" && c.Name != "store size" && c.Name != "clock" {
			fmt.Fprintf(&b, "%s %s: %s\n", c.Status, c.Name, c.Detail)
		}
	}
	return b.String()
}

// examined is what doctor says of a store that ails, with clock at the time of its leases.
func examined(ctx context.Context, cfg *config.Config, clock time.Time) string {
	d := &doctor{cfg: cfg, now: func() time.Time { return clock }, loads: map[int]load{4: {}, 5: {waiting: 8}}}
	d.store(ctx)
	return d.report()
}

// wantUnique fails the test where two checks have one name: who reads the JSON
// by names would see one of them.
func wantUnique(t *testing.T, report string) {
	t.Helper()
	seen := map[string]bool{}
	for line := range strings.Lines(report) {
		_, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, ": ")
		if seen[name] {
			t.Errorf("two checks are called %q", name)
		}
		seen[name] = true
	}
}

// rulesLoad is the line about the rules of a configuration.
func rulesLoad(t *testing.T, cfg *config.Config) string {
	t.Helper()
	set, err := app.RuleSet(cfg.Detection)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("ok rules: %d rules load", len(set.Rules()))
}

func TestDoctorStore(t *testing.T) {
	cfg := config.Default()
	cfg.Store.DataDir = t.TempDir()
	ail(t, cfg)
	got := examined(t.Context(), cfg, time.Date(2026, 1, 1, 10, 1, 0, 0, time.UTC))
	want := strings.NewReplacer("AGE", "60 s", "RULES", rulesLoad(t, cfg), "WORKERS", "ok worker worker-0: the one process, holds shards 0-1\nok worker worker-1: the one process, holds shard 3",
		"TABLE", "set_aside of "+app.StoreFile(cfg.Store.DataDir)).Replace(ailing)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wantUnique(t, got)

	// What others wrote does not drive the terminal.
	var out bytes.Buffer
	cmd := doctorCommand(streams{strings.NewReader(""), &out, &out})
	cmd.SetArgs([]string{"--data-dir", cfg.Store.DataDir})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(t.Context()); !errors.Is(err, exitCode(exitError)) {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "\uFFFD[2J") {
		t.Errorf("printed %q", out.String())
	}
}

func TestDoctorPostgres(t *testing.T) {
	server := testbed.Postgres(t)
	cfg := config.Default()
	cfg.Store.DataDir, cfg.Store.Postgres.URL = filepath.Join(t.TempDir(), "none"), server.URL("vedette")
	ail(t, cfg)
	// Its leases go by its own clock, which is this machine's.
	clock := time.Now().Add(time.Minute)
	got := examined(t.Context(), cfg, clock)
	want := strings.NewReplacer("AGE", span(clock.Sub(time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC))), "RULES", rulesLoad(t, cfg), "WORKERS", "ok worker worker-0: it holds shards 0-1\nok worker worker-1: it holds shard 3",
		"TABLE", "vedette.set_aside of the database").Replace(ailing)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(cfg.Store.DataDir); err == nil {
		t.Error("doctor made a data directory")
	}

	cfg.Store.Postgres.URL = "postgres://vedette:geheim@db.example:5432/vedette?sslmode=disable"
	wantText(t, "doctor", dataOf(cfg), "PostgreSQL at db.example:5432/vedette")
	cfg.Store.Postgres.URL = "postgres://vedette:geheim@127.0.0.1:1/vedette?sslmode=disable"
	text := examined(t.Context(), cfg, time.Now())
	wantText(t, "doctor", text, "fault store: ")
	wantText(t, "doctor", text, "see that the database runs")
	if strings.Contains(text, "geheim") {
		t.Errorf("the password is in %s", text)
	}
}

func TestDoctorSealingKeyFile(t *testing.T) {
	cfg := config.Default()
	cfg.Server.SealingKeyFile = filepath.Join(t.TempDir(), "shared.key")
	cfg.Store.Postgres.URL = "postgres://db"
	d := &doctor{cfg: cfg}
	if d.sealing() != nil {
		t.Error("a sealer without a key")
	}
	if err := os.WriteFile(cfg.Server.SealingKeyFile, []byte(strings.Repeat("0f", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d.sealing() == nil {
		t.Errorf("no sealer: %+v", d.checks)
	}
	wantText(t, "doctor", d.checks[0].Detail, "shared.key is missing")
	wantText(t, "doctor", d.checks[0].Detail, "copy it from another server")
}

func TestDoctorServer(t *testing.T) {
	var ready int
	var metrics string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "the journal does not answer", ready)
			return
		}
		fmt.Fprint(w, metrics)
	}))
	defer srv.Close()
	const gauges = `# HELP vedette_journal_bytes Bytes that wait in the journal, compressed.
# TYPE vedette_journal_bytes gauge
vedette_journal_bytes{shard="0"} 81
vedette_journal_bytes{shard="1"} 1.5e+06
vedette_journal_max_bytes{shard="0"} 100
vedette_journal_max_bytes{shard="1"} 1.073741824e+09
vedette_journal_waiting_messages{shard="0"} 3
vedette_journal_append_seconds_bucket{le="0.0005"} 0
`
	for _, tc := range []struct {
		ready         int
		metrics, want string
	}{
		{200, gauges + "vedette_journal_waiting_messages{shard=\"1\"} 4\n", `ok server: ready at ADDR
fault journal shard 0: it is 81 % full (81 B of 100 B): beyond that senders are told to come again; look in the server's log why judging is slow or stands, or raise journal.maxBytes
`},
		{200, strings.Replace(gauges, "} 81\n", "} 80\n", 1), `ok server: ready at ADDR
note backlog of shard 1: how much waits is not known: the store did not answer the server
ok journal: 3 messages wait in 2 shards, 1.4 MiB of 1.0 GiB
`},
		{503, "go_goroutines 7\n", `fault server: it runs but is not ready: /readyz answers 503: the journal does not answer
note journal: the server at ADDR tells nothing of it: it judges no shard, or the journal does not answer
`},
	} {
		ready, metrics = tc.ready, tc.metrics
		cfg := config.Default()
		cfg.Server.MetricsListen = srv.Listener.Addr().String()
		d := &doctor{cfg: cfg}
		d.server(t.Context())
		if diff := cmp.Diff(strings.ReplaceAll(tc.want, "ADDR", cfg.Server.MetricsListen), d.report()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestShardNames(t *testing.T) {
	for want, ns := range map[string][]int{"shard 3": {3}, "shards 0-1": {0, 1}, "shards 0, 2-4, 6": {0, 2, 3, 4, 6}} {
		if got := shardNames(ns); got != want {
			t.Errorf("%v: %q, want %q", ns, got, want)
		}
	}
}
