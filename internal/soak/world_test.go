package soak

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
	shards  = 6
)

// world is everything there is: a database, a NATS cluster, servers that share
// them, and one server that has only itself.
type world struct {
	t        *testing.T
	dir      string
	binary   string
	postgres *testbed.PostgresServer
	database string
	nats     *testbed.NATS
	sharing  []*process // share database and journal
	alone    *process
	disk     *disk // of the one that is alone
	followed [2]string
	events   [2]string // what was published
}

func newWorld(t *testing.T, keep string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	if keep != "" {
		t.Cleanup(func() { w.keepLogs(keep) })
	}
	w.binary = filepath.Join(w.dir, "vedette")
	build(t, w.binary)
	w.postgres = testbed.PostgresWith(t, testbed.PostgresOptions{Durable: true})
	w.database = w.postgres.URL("vedette")
	w.nats = testbed.NATSCluster(t, 3)
	for i, kind := range []string{"shared", "alone"} {
		logs := filepath.Join(w.dir, "logs-"+kind)
		if err := os.Mkdir(logs, 0o700); err != nil {
			t.Fatal(err)
		}
		w.followed[i] = filepath.Join(logs, "audit.log")
		w.events[i] = filepath.Join(w.dir, kind+"-events.jsonl")
	}
	w.disk = newDisk(t, filepath.Join(w.dir, "disk"))
	w.alone = w.process("alone", "all", "", fmt.Sprintf(
		"store: {dataDir: %q}\njournal: {minFreeBytes: 4194304, maxBytes: 67108864}\npublish: {file: %q}\ningest: {follow: [{path: %q, cluster: alone-followed}]}\n",
		filepath.Join(w.disk.path, "data"), w.events[1], w.followed[1]))
	w.alone.start()
	w.alone.waitReady()
	// The processes that share have one sealing key: that of the first key made.
	first := w.process("seal", "api", "", w.sharedConfig("seal"))
	if out, err := exec.CommandContext(t.Context(), w.binary, "keys", "create", "--role", "ingest", "--config", first.config).CombinedOutput(); err != nil {
		t.Fatalf("make the sealing key: %v\n%s", err, out)
	}
	seal := "sealingKeyFile: " + filepath.Join(w.dir, "data-seal", "seal.key") + ", "
	for _, p := range []struct{ name, role string }{{"in1", "ingest,api"}, {"in2", "ingest"}, {"d1", "detect"}, {"d2", "detect"}, {"d3", "detect"}} {
		more := fmt.Sprintf("publish: {file: %q}\n", w.events[0])
		if p.name == "in1" {
			more += fmt.Sprintf("ingest: {follow: [{path: %q, cluster: shared-followed}]}\n", w.followed[0])
		}
		w.sharing = append(w.sharing, w.process(p.name, p.role, seal, w.sharedConfig(p.name)+more))
	}
	for _, p := range w.sharing {
		p.start()
	}
	for _, p := range w.sharing {
		p.waitReady()
	}
	return w
}

func (w *world) sharedConfig(name string) string {
	return fmt.Sprintf("store: {dataDir: %q, postgres: {url: %q}}\njournal: {shards: %d, maxBytes: 268435456, nats: {url: %q, replicas: 3}}\n",
		filepath.Join(w.dir, "data-"+name), w.database, shards, strings.Join(w.nats.URLs(), ","))
}

// process makes a server that is not started yet.
func (w *world) process(name, role, server, config string) *process {
	w.t.Helper()
	p := &process{
		t: w.t, name: name, role: role, binary: w.binary, config: filepath.Join(w.dir, name+".yaml"),
		addr: testbed.FreeAddr(w.t), metrics: testbed.FreeAddr(w.t),
	}
	config = fmt.Sprintf("account: %q\nregion: %s\nserver: {%slisten: %q, metricsListen: %q, name: %s, drainTimeout: 10s}\n", account, region, server, p.addr, p.metrics, name) + config
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(w.dir, name+".out"))
	if err != nil {
		w.t.Fatal(err)
	}
	p.log = log
	w.t.Cleanup(func() {
		if p.cmd != nil && p.running() {
			p.kill()
		}
		log.Close()
	})
	return p
}

func (p *process) waitReady() {
	p.t.Helper()
	until(p.t, p.name+" is ready", func() bool { return p.ready() })
}

func build(t *testing.T, binary string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/vedette").CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, out)
	}
}
