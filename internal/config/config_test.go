package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

func TestEmptyFileIsTheDefault(t *testing.T) {
	c, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), c); d != "" {
		t.Error(d)
	}
}

// TestPrintedDefaultIsValid: what `config print` prints can be read again.
func TestPrintedDefaultIsValid(t *testing.T) {
	b, err := yaml.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(b); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
}

// TestFaults names the key and what to do.
func TestFaults(t *testing.T) {
	for in, want := range map[string]string{
		`acount: "1"`:                                                   "line 1: acount is not a key here",
		`account: 12`:                                                   `account: "12" is not an AWS account id`,
		`region: moon`:                                                  "region:",
		`cluster: "a b"`:                                                "cluster:",
		`server: {listen: "0.0.0.0:8700"}`:                              "set server.tls.certFile",
		`server: {listen: "8700"}`:                                      "is not host:port",
		`server: {tls: {certFile: a}}`:                                  "belong together",
		`server: {tls: {clientCAFile: a}}`:                              "client certificates need",
		`ingest: {requireToken: never}`:                                 "use auto or always",
		`ingest: {maxBodyBytes: 10}`:                                    "below 1 MiB",
		`ingest: {follow: [{path: audit.log}]}`:                         "ingest.follow[0].path",
		`ingest: {follow: [{path: /a, cluster: "x y"}]}`:                "ingest.follow[0].cluster",
		`store: {retentionDays: 0}`:                                     "store.retentionDays",
		`store: {dataDir: ""}`:                                          "store.dataDir",
		`log: {level: loud}`:                                            "log.level",
		"account: \"000000000000\"\n---\nregion: x":                     "second YAML document",
		"region: [":                                                     "parse",
		`journal: {shards: 0}`:                                          "journal.shards: 0 is not between 1 and 256",
		`journal: {maxBytes: 1000}`:                                     "journal.maxBytes: 1000 is below 16 MiB (16777216) a shard; write 67108864 or more",
		`journal: {minFreeBytes: -1}`:                                   "journal.minFreeBytes: -1 is negative",
		`journal: {maxAge: -1s}`:                                        "journal.maxAge",
		`journal: {maxAge: 10}`:                                         `line 1: journal.maxAge: "10" is not a time such as 30s`,
		`journal: {maxAge: 1d, shards: 2}`:                              `line 1: journal.maxAge: "1d" is not a time such as 30s`,
		"journal:\n  maxBytes: 4GiB":                                    `line 2: journal.maxBytes: "4GiB" is not a whole number, without a unit`,
		`journal: {nats: nats}`:                                         `journal.nats: "nats" is not keys of its own`,
		`journal: [1]`:                                                  "line 1: journal: it must be keys of its own",
		`ingest: {follow: [{path: {a: b}}]}`:                            "ingest.follow[0].path: it must be text",
		`ingest: {follow: /x}`:                                          `ingest.follow: "/x" is not a list`,
		`ingest: {follow: [{path: /a, source: syslog}]}`:                `ingest.follow[0].source: "syslog" is not a kind of record`,
		`ingest: {follow: [{path: /a, source: dns, format: "x y"}]}`:    "ingest.follow[0].format: it is for flow logs",
		`ingest: {folders: [{path: /a, format: "version srcadr"}]}`:     `ingest.folders[0].format: "version srcadr" names no srcaddr and dstaddr`,
		`ingest: {folders: [{path: logs}]}`:                             "ingest.folders[0].path",
		`ingest: {folders: [{path: /a, cluster: "x y"}]}`:               "ingest.folders[0].cluster",
		`ingest: {queues: [{url: vedette}]}`:                            `ingest.queues[0].url: "vedette" is not the URL of a queue`,
		`ingest: {queues: [{url: "https://q/1/v", roleARN: admin}]}`:    `ingest.queues[0].roleARN: "admin" is not the ARN of a role`,
		`ingest: {queues: [{url: "https://q/1/v", bucketRoleARN: x}]}`:  "ingest.queues[0].bucketRoleARN",
		`ingest: {queues: [{url: "https://q/1/v", externalID: x}]}`:     "ingest.queues[0].externalID: it goes with roleARN",
		`ingest: {queues: [{url: "https://q/1/v", endpoint: "x:9"}]}`:   "ingest.queues[0].endpoint",
		`ingest: {queues: [{url: "https://q/1/v", digests: no}]}`:       `ingest.queues[0].digests: "no" is not known; use check or off`,
		`ingest: {queues: [{url: "https://q/1/v", accounts: ["1"]}]}`:   "ingest.queues[0].accounts[0]",
		`ingest: {queues: [{url: "https://q/1/v", publicKeysFile: k}]}`: "ingest.queues[0].publicKeysFile",
		`ingest: {buckets: [{name: "A"}]}`:                              `ingest.buckets[0].name: "A" is not the name of a bucket`,
		`ingest: {buckets: [{name: logs, from: lately}]}`:               `ingest.buckets[0].from: "lately" is not a beginning`,
		`ingest: {buckets: [{name: logs, region: moon}]}`:               "ingest.buckets[0].region",
		`ingest: {buckets: [{name: logs, prefixes: []}]}`:               "ingest.buckets[0].prefixes",
		`ingest: {buckets: [{name: logs, every: 1ms}]}`:                 "ingest.buckets[0].every",
		`ingest: {buckets: [{name: logs, lookBack: -1h}]}`:              "ingest.buckets[0].lookBack",
		`ingest: {buckets: [{name: logs, secretKey: x}]}`:               "secretKey is not a key here",
		`ingest: {objects: {parallel: 0}}`:                              "ingest.objects.parallel",
		`ingest: {objects: {maxBytes: 5}}`:                              "ingest.objects.maxBytes",
		`ingest: {objects: {tries: 0}}`:                                 "ingest.objects.tries",
		`ingest: {objects: {visibility: 1s}}`:                           "ingest.objects.visibility",
		`detection: {legacyKubernetesTypes: often}`:                     `"often" is not true or false`,
		`journal: {nats: {replicas: 2}}`:                                "journal.nats.replicas: 2 is not 1, 3 or 5",
		`journal: {nats: {name: "a$b"}}`:                                `journal.nats.name: "a$b"`,
		`journal: {nats: {name: ""}}`:                                   "journal.nats.name",
		`journal: {nats: {certFile: x}}`:                                "certFile and keyFile belong together",
		`journal: {nats: {username: x}}`:                                "username and passwordFile belong together",
		`journal: {nats: {username: x, passwordFile: y, tokenFile: z}}`: "exclude each other",
		`journal: {nats: {url: "n1:4222"}}`:                             `journal.nats.url: "n1:4222" is not the URL`,
		`ingest: {quietAfter: 1ns}`:                                     "ingest.quietAfter: 1ns",
		`ingest: {canaryEvery: 1ms}`:                                    "ingest.canaryEvery: 1ms is below 1s",
		`server: {drainTimeout: 0s}`:                                    "server.drainTimeout",
		`publish: {file: a.jsonl}`:                                      "publish.file",
		`store: {postgres: {url: "mysql://h/d"}}`:                       "store.postgres.url",
		`store: {postgres: {url: "postgres://h/d", maxConns: 1}}`:       "store.postgres.maxConns",
	} {
		if _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
	if _, err := Parse([]byte("server: {listen: foo}")); err == nil || strings.Contains(err.Error(), "other machines") {
		t.Errorf("a second, misleading fault: %v", err)
	}
	_, err := Parse([]byte("account: x\nregion: y\nlog: {level: z}"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
}

// TestFaultsKeepPasswords: what is wrong with a URL is said without its password.
func TestFaultsKeepPasswords(t *testing.T) {
	for _, in := range []string{
		`journal: {nats: {url: "nats://a:1,http://u:geheim@n1:4222"}}`, `journal: {nats: {url: "u:geheim@n1"}}`, `journal: {nats: {url: "nats://u:gehe im@n1"}}`,
		`store: {postgres: {url: "mysql://u:geheim@h/d"}}`, `store: {postgres: {url: "postgres://u:geheim%zz@h/d"}}`, `store: {postgres: {url: "host=h password=geheim"}}`,
	} {
		if _, err := Parse([]byte(in)); err == nil || strings.Contains(err.Error(), "gehe") {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestLoad(t *testing.T) {
	p := filepath.Join(t.TempDir(), "v.yaml")
	if err := os.WriteFile(p, []byte("region: eu-central-1\nserver: {listen: '[::1]:1', metricsListen: ''}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(p, func(c *Config) { c.Account = "123456789012" })
	if err != nil || c.Region != "eu-central-1" || c.Account != "123456789012" || c.Store.RetentionDays != 90 {
		t.Fatalf("%+v %v", c, err)
	}
	if _, err := Load(p, func(c *Config) { c.Account = "1" }); err == nil || !strings.Contains(err.Error(), p) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a missing file was taken for an empty one")
	}
}

// TestBuckets: what is not written has its default, and what is printed can be
// read again.
func TestBuckets(t *testing.T) {
	c, err := Parse([]byte("ingest:\n  buckets: [{name: logs, region: eu-west-1, accounts: ['111122223333']}]\n  queues: [{url: 'https://sqs.eu-west-1.amazonaws.com/1/v', digests: off}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := Bucket{Name: "logs", Prefixes: []string{"AWSLogs/"}, From: "now", Every: time.Minute, LookBack: 2 * time.Hour,
		Access: Access{Region: "eu-west-1"}, Reading: Reading{Accounts: []string{"111122223333"}, Digests: "check"}}
	if d := cmp.Diff(want, c.Ingest.Buckets[0]); d != "" {
		t.Error(d)
	}
	if c.Ingest.Queues[0].Digests != "off" {
		t.Errorf("%+v", c.Ingest.Queues[0])
	}
	b, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if d := cmp.Diff(c, again, cmpopts.EquateEmpty()); err != nil || d != "" {
		t.Errorf("%v %s\n%s", err, d, b)
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{"now": now, "all": {}, "30d": now.AddDate(0, 0, -30), "12h": now.Add(-12 * time.Hour),
		"2025-12-01": time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), "2025-12-01T06:00:00Z": time.Date(2025, 12, 1, 6, 0, 0, 0, time.UTC)} {
		if got, err := (&Bucket{From: in}).Since(now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", in, got, err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.9.9.9:1": true,
		":1": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "[::]:1": false, "example.org:1": false, "": false} {
		if IsLoopback(addr) != want {
			t.Errorf("%q: want %v", addr, want)
		}
	}
}

// FuzzParse: a valid configuration or an error, never a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte("account: '000000000000'"))
	f.Add([]byte("server: {listen: 127.0.0.1:1}\ningest: {follow: [{path: /x}]}"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err == nil && c.Validate() != nil {
			t.Error("taken but not valid")
		}
	})
}
