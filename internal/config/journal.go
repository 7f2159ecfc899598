package config

import (
	"net/url"
	"path/filepath"
	"strings"
)

// maxShards bounds the streams of a journal; each costs a NATS cluster a Raft group.
const maxShards = 256

func (c *Config) validateJournal(bad func(key, format string, args ...any)) {
	j := &c.Journal
	if j.Shards < 1 || j.Shards > maxShards {
		bad("journal.shards", "%d is not between 1 and %d", j.Shards, maxShards)
	}
	if j.MaxBytes < int64(j.Shards)<<24 {
		bad("journal.maxBytes", "%d is below 16 MiB a shard", j.MaxBytes)
	}
	if j.MinFreeBytes < 0 {
		bad("journal.minFreeBytes", "%d is negative", j.MinFreeBytes)
	}
	if j.MaxAge < 0 {
		bad("journal.maxAge", "%s is negative; 0 keeps everything", j.MaxAge)
	}
	n := &j.NATS
	switch n.Replicas {
	case 1, 3, 5:
	default:
		bad("journal.nats.replicas", "%d is not 1, 3 or 5", n.Replicas)
	}
	if n.Name == "" || strings.ContainsAny(n.Name, " \t.*>/\\") {
		bad("journal.nats.name", "%q cannot begin the name of a stream: no space, dot, slash, * or >", n.Name)
	}
	if (n.CertFile == "") != (n.KeyFile == "") {
		bad("journal.nats", "certFile and keyFile belong together; set both or none")
	}
	if (n.Username == "") != (n.PasswordFile == "") {
		bad("journal.nats", "username and passwordFile belong together; set both or none")
	}
	for _, u := range j.NATS.URLs() {
		if p, err := url.Parse(u); err != nil || p.Host == "" || p.Scheme != "nats" && p.Scheme != "tls" {
			bad("journal.nats.url", "%q is not the URL of a NATS server, such as nats://nats:4222 or tls://nats:4222", u)
		}
	}
}

// URLs are the servers of the cluster; none means the embedded one.
func (n *NATS) URLs() []string {
	var out []string
	for u := range strings.SplitSeq(n.URL, ",") {
		if u = strings.TrimSpace(u); u != "" {
			out = append(out, u)
		}
	}
	return out
}

// validateShared checks what processes share.
func (c *Config) validateShared(bad func(key, format string, args ...any)) {
	if c.Ingest.QuietAfter <= 0 {
		bad("ingest.quietAfter", "%s is not a time to wait, such as 10m", c.Ingest.QuietAfter)
	}
	if c.Ingest.CanaryEvery < 0 {
		bad("ingest.canaryEvery", "%s is negative; 0 sends none", c.Ingest.CanaryEvery)
	}
	if c.Server.DrainTimeout <= 0 {
		bad("server.drainTimeout", "%s is not a time to wait, such as 20s", c.Server.DrainTimeout)
	}
	if c.Publish.File != "" && !filepath.IsAbs(c.Publish.File) {
		bad("publish.file", "%q is not an absolute path", c.Publish.File)
	}
	p := &c.Store.Postgres
	if p.URL == "" {
		return
	}
	if u, err := url.Parse(p.URL); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		bad("store.postgres.url", "it is not the URL of a PostgreSQL database, such as postgres://vedette@db/vedette?sslmode=verify-full")
	}
	if p.MaxConns < 2 {
		bad("store.postgres.maxConns", "%d is below 2", p.MaxConns)
	}
}

// CheckRole checks what a process is told to be: "all", or some of ingest,
// detect and api with commas between, which needs a journal and a store that
// processes can share.
func (c *Config) CheckRole(role string) error {
	for r := range strings.SplitSeq(role, ",") {
		switch strings.TrimSpace(r) {
		case "all", "ingest", "detect", "api":
		default:
			return roleError("--role: " + r + " is not a role; use all, or some of ingest, detect and api with commas between")
		}
	}
	alone := c.Store.Postgres.URL == "" || len(c.Journal.NATS.URLs()) == 0
	if alone && role != "all" {
		return roleError("--role " + role + ": processes that share the work need journal.nats.url and store.postgres.url; without them one process does everything")
	}
	return nil
}

type roleError string

func (e roleError) Error() string { return string(e) }
