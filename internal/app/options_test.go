package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
)

// TestCategories: the configuration, which may import nothing of ours, knows
// the categories of lists by heart, all of them and no others.
func TestCategories(t *testing.T) {
	parse := func(category string) string {
		_, err := config.Parse(fmt.Appendf(nil, "detection: {threatLists: [{name: a, path: /a, category: %q}]}", category))
		return fmt.Sprint(err)
	}
	var want []string
	for _, c := range intel.Categories() {
		want = append(want, string(c))
		if got := parse(string(c)); got != "<nil>" {
			t.Error(got)
		}
	}
	_, list, ok := strings.Cut(parse("no such one"), "use one of ")
	got := strings.Split(list, ", ")
	slices.Sort(got)
	slices.Sort(want)
	if !ok || !slices.Equal(got, want) {
		t.Errorf("config has %v, intel %v", got, want)
	}
}

// TestCheckFiles: what is wrong with a file is said with the key that names it.
func TestCheckFiles(t *testing.T) {
	c := config.Default()
	if err := CheckFiles(c); err != nil {
		t.Errorf("nothing is named: %v", err)
	}
	dir := t.TempDir()
	c.Server.TLS = config.TLS{CertFile: dir + "/cert", KeyFile: dir + "/key"}
	c.Server.SealingKeyFile = dir + "/seal"
	c.Journal.NATS.CAFile, c.Journal.NATS.CertFile, c.Journal.NATS.KeyFile = dir+"/ca", dir+"/cert", dir+"/key"
	c.Journal.NATS.CredentialsFile, c.Journal.NATS.PasswordFile, c.Journal.NATS.TokenFile = dir+"/creds", dir+"/password", dir+"/token"
	c.Store.Postgres.PasswordFile = dir + "/password"
	c.Ingest.Queues = []config.Queue{{}, {Reading: config.Reading{PublicKeysFile: dir + "/keys"}}, {Reading: config.Reading{PublicKeysFile: dir + "/keys", Digests: "off"}}}
	c.Ingest.Buckets = []config.Bucket{{Reading: config.Reading{PublicKeysFile: dir + "/keys"}}}
	c.Detection.ThreatLists = []config.List{{Name: "a", Path: dir + "/list"}}
	c.Detection.TrustedLists = c.Detection.ThreatLists
	var got []string
	for line := range strings.Lines(fmt.Sprint(CheckFiles(c))) {
		key, rest, _ := strings.Cut(line, ": ")
		got = append(got, key)
		if !strings.Contains(rest, dir) || !strings.Contains(rest, "no such file") {
			t.Error(line)
		}
	}
	want := []string{
		"detection.threatLists[0]", "detection.trustedLists[0]", "ingest.queues[1].publicKeysFile", "ingest.buckets[0].publicKeysFile",
		"server.tls.certFile", "server.sealingKeyFile", "journal.nats.certFile", "journal.nats.caFile",
		"journal.nats.credentialsFile", "journal.nats.passwordFile", "journal.nats.tokenFile", "store.postgres.passwordFile",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
