package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestEmptyFileIsTheDefault(t *testing.T) {
	c, err := Parse(nil)
	if err != nil || *c.withoutSlices() != *Default().withoutSlices() {
		t.Fatalf("%+v %v", c, err)
	}
}

// withoutSlices makes two configurations comparable.
func (c Config) withoutSlices() *comparableConfig {
	return &comparableConfig{c.Account, c.Region, c.Cluster, c.Server, c.Ingest.RequireToken, c.Ingest.MaxBodyBytes, c.Detection, c.Store, c.Log}
}

type comparableConfig struct {
	account, region, cluster string
	server                   Server
	token                    string
	body                     int64
	detection                Detection
	store                    Store
	log                      Log
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
		`acount: "1"`:                                    "line 1: acount is not a key here",
		`account: 12`:                                    `account: "12" is not an AWS account id`,
		`region: moon`:                                   "region:",
		`cluster: "a b"`:                                 "cluster:",
		`server: {listen: "0.0.0.0:8700"}`:               "set server.tls.certFile",
		`server: {listen: "8700"}`:                       "is not host:port",
		`server: {tls: {certFile: a}}`:                   "belong together",
		`server: {tls: {clientCAFile: a}}`:               "client certificates need",
		`ingest: {requireToken: never}`:                  "use auto or always",
		`ingest: {maxBodyBytes: 10}`:                     "below 1 MiB",
		`ingest: {follow: [{path: audit.log}]}`:          "ingest.follow[0].path",
		`ingest: {follow: [{path: /a, cluster: "x y"}]}`: "ingest.follow[0].cluster",
		`store: {retentionDays: 0}`:                      "store.retentionDays",
		`store: {dataDir: ""}`:                           "store.dataDir",
		`log: {level: loud}`:                             "log.level",
		"account: \"000000000000\"\n---\nregion: x":      "second YAML document",
		"region: [":                                      "parse",
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
