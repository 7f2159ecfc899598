package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var natsName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// maxShards bounds the streams of a journal; each costs a NATS cluster a Raft group.
const maxShards = 256

func (c *Config) validateJournal(bad func(key, format string, args ...any)) {
	j := &c.Journal
	if j.Shards < 1 || j.Shards > maxShards {
		bad("journal.shards", "%d is not between 1 and %d", j.Shards, maxShards)
	}
	if least := int64(min(max(j.Shards, 1), maxShards)) << 24; j.MaxBytes < least {
		bad("journal.maxBytes", "%d is below 16 MiB (16777216) a shard; write %d or more", j.MaxBytes, least)
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
	if !natsName.MatchString(n.Name) {
		bad("journal.nats.name", "%q cannot begin the name of a stream: letters, digits, dashes and underscores, 64 at most", n.Name)
	}
	if (n.CertFile == "") != (n.KeyFile == "") {
		bad("journal.nats", "certFile and keyFile belong together; set both or none")
	}
	if (n.Username == "") != (n.PasswordFile == "") {
		bad("journal.nats", "username and passwordFile belong together; set both or none")
	}
	ways := 0
	for _, file := range []string{n.CredentialsFile, n.PasswordFile, n.TokenFile} {
		if file != "" {
			ways++
		}
	}
	if ways > 1 {
		bad("journal.nats", "credentialsFile, username with passwordFile, and tokenFile exclude each other; set one of them")
	}
	for i, u := range j.NATS.URLs() {
		p, err := url.Parse(u)
		if err == nil && p.Host != "" && (p.Scheme == "nats" || p.Scheme == "tls") {
			continue
		}
		shown := fmt.Sprintf("%q", u)
		if strings.Contains(u, "@") { // there may be a password before it
			shown = fmt.Sprintf("number %d", i+1)
		}
		bad("journal.nats.url", "%s is not the URL of a NATS server, such as nats://nats:4222 or tls://nats:4222", shown)
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
	if c.Ingest.QuietAfter < time.Second {
		bad("ingest.quietAfter", "%s is not a time to wait, such as 10m; 1s is the least", c.Ingest.QuietAfter)
	}
	if c.Ingest.CanaryEvery != 0 && c.Ingest.CanaryEvery < time.Second {
		bad("ingest.canaryEvery", "%s is below 1s; 0s sends none", c.Ingest.CanaryEvery)
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
