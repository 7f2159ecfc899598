package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is the whole configuration. Every key has a default; an empty file is
// a good one.
type Config struct {
	// Account and Region are written into findings and are what the API serves.
	Account string `yaml:"account"` // 12 digits
	Region  string `yaml:"region"`  // such as eu-central-1
	// Cluster names the cluster of audit records that do not name theirs.
	Cluster string `yaml:"cluster"`

	Server       Server       `yaml:"server"`
	Ingest       Ingest       `yaml:"ingest"`
	AWS          AWS          `yaml:"aws"`
	Journal      Journal      `yaml:"journal"`
	Detection    Detection    `yaml:"detection"`
	Intelligence Intelligence `yaml:"intelligence"`
	Store        Store        `yaml:"store"`
	Publish      Publish      `yaml:"publish"`
	API          API          `yaml:"api"`
	Access       People       `yaml:"access"`
	Kubernetes   Kubernetes   `yaml:"kubernetes"`
	Usage        Usage        `yaml:"usage"`
	Log          Log          `yaml:"log"`
	Traces       Traces       `yaml:"traces"`
}

// Server is where the API and the pushes are served.
type Server struct {
	// Listen is the address of the API and the pushes. Any address that is not
	// loopback needs TLS.
	Listen string `yaml:"listen"`
	// MetricsListen is the address of /metrics, /livez and /readyz; "" for none.
	MetricsListen string `yaml:"metricsListen"`
	TLS           TLS    `yaml:"tls"`
	// Name tells this process from the others that share a store; "" is the
	// name of the machine. A process that comes back keeps its name.
	Name string `yaml:"name"`
	// SealingKeyFile holds the key that seals the secrets of access keys; ""
	// is seal.key in the data directory. Processes that share a store share it.
	SealingKeyFile string `yaml:"sealingKeyFile"`
	// Profiling serves net/http/pprof under /debug/pprof/ on metricsListen, to
	// callers on this machine (in this pod) alone.
	Profiling bool `yaml:"profiling"`
	// DrainTimeout bounds an orderly end; what is not done by then is done by
	// the next process.
	DrainTimeout time.Duration `yaml:"drainTimeout"`
}

// TLS says where the server's certificate comes from. Files are PEM, and are
// read again when they change.
type TLS struct {
	// Auto lets the server make a certificate, and the authority that signs it,
	// by itself; Names are the host names and addresses in it, beside this
	// machine's own.
	Auto     bool     `yaml:"auto"`
	Names    []string `yaml:"names"`
	CertFile string   `yaml:"certFile"`
	KeyFile  string   `yaml:"keyFile"`
	// CAFile holds the authority that signed certFile, for those who are told
	// whom to trust; nothing is checked with it.
	CAFile string `yaml:"caFile"`
	// ClientCAFile, if set, lets pushes authenticate by a client certificate
	// that one of these authorities signed, in place of a token.
	ClientCAFile string `yaml:"clientCAFile"`
}

// Ingest is where records come from.
type Ingest struct {
	// RequireToken: "auto" asks pushes for credentials unless server.listen is
	// loopback; "always" asks on loopback, too.
	RequireToken string `yaml:"requireToken"`
	// MaxBodyBytes bounds one push.
	MaxBodyBytes int64 `yaml:"maxBodyBytes"`
	// QuietAfter is how long a source that was talking may be silent before it
	// is UNHEALTHY.
	QuietAfter time.Duration `yaml:"quietAfter"`
	// CanaryEvery, if not 0, sends a record of our own through the whole line
	// that often and measures how long it takes.
	CanaryEvery time.Duration `yaml:"canaryEvery"`
	// Follow lists log files to read as they grow.
	Follow []Follow `yaml:"follow"`
	// Folders lists folders of which every file that appears is read once.
	Folders []Folder `yaml:"folders"`
	// Queues lists SQS queues that announce objects of S3, which are read.
	Queues []Queue `yaml:"queues"`
	// Buckets lists S3 buckets that are listed for objects to read.
	Buckets []Bucket `yaml:"buckets"`
	// Objects says how objects are read.
	Objects Objects `yaml:"objects"`
}

// Follow is one log file that is read as it grows, through rotation.
type Follow struct {
	Path    string `yaml:"path"`
	Cluster string `yaml:"cluster"` // of audit records; default: the cluster above
	// Source is k8s-audit, cloudtrail, vpc-flow, dns or runtime; "" finds out.
	Source string `yaml:"source"`
	// Format names the fields of flow log lines that have no header.
	Format string `yaml:"format"`
}

// Journal is where accepted records wait, on disk, until they are judged.
type Journal struct {
	// Shards is how many workers can judge at once; a cluster belongs to one. It
	// can be changed when nothing waits.
	Shards int `yaml:"shards"`
	// MaxBytes bounds what waits, on disk, compressed; beyond it senders are
	// told to come again.
	MaxBytes int64 `yaml:"maxBytes"`
	// MinFreeBytes is what stays free on the disk of the embedded journal.
	MinFreeBytes int64 `yaml:"minFreeBytes"`
	// MaxAge drops, and counts, what waited longer; 0 keeps everything.
	MaxAge time.Duration `yaml:"maxAge"`
	NATS   NATS          `yaml:"nats"`
}

// NATS is a cluster of NATS servers that keeps the journal in the place of the
// embedded one.
type NATS struct {
	URL             string `yaml:"url"` // one or several, with commas between; "" is the embedded one
	Name            string `yaml:"name"`
	Replicas        int    `yaml:"replicas"`
	CAFile          string `yaml:"caFile"`
	CertFile        string `yaml:"certFile"`
	KeyFile         string `yaml:"keyFile"`
	CredentialsFile string `yaml:"credentialsFile"`
	Username        string `yaml:"username"`
	PasswordFile    string `yaml:"passwordFile"`
	TokenFile       string `yaml:"tokenFile"`
}

// Detection is what is detected.
type Detection struct {
	// LegacyKubernetesTypes raises PrivilegeEscalation:Kubernetes/PrivilegedContainer
	// and Persistence:Kubernetes/ContainerWithSensitiveMount, which AWS retired in 2026.
	LegacyKubernetesTypes bool `yaml:"legacyKubernetesTypes"`
	// ThreatLists are lists of bad addresses, prefixes and domains, beside the
	// built-in ones; TrustedLists are those that no list shall flag.
	ThreatLists  []List `yaml:"threatLists"`
	TrustedLists []List `yaml:"trustedLists"`
	// OwnNetworks are the operator's own addresses outside AWS, such as those
	// behind which an office or a data centre calls.
	OwnNetworks []string `yaml:"ownNetworks"`
	// OwnAccounts are the operator's own AWS accounts whose logs are not read here.
	OwnAccounts []string `yaml:"ownAccounts"`
	// DisabledRules are the names of rules of the custom detection rule
	// catalogue that raise nothing.
	DisabledRules []string `yaml:"disabledRules"`
	// Rules are files and folders of rules of the operator's own, in Sigma.
	Rules []string `yaml:"rules"`
	// RulePack is about the rules that Vedette brings along.
	RulePack RulePack `yaml:"rulePack"`
	// Anomalies are findings of what is unusual here.
	Anomalies Anomalies `yaml:"anomalies"`
	// RuntimeCommandLines shows, in findings of the sensor, the command lines of
	// processes, which may hold passwords. GuardDuty never shows them.
	RuntimeCommandLines bool `yaml:"runtimeCommandLines"`
	// Sequences are attacks of several steps.
	Sequences Sequences `yaml:"sequences"`
	// Noise is about types that flood.
	Noise Noise `yaml:"noise"`
}

// Anomalies are how many false findings are bearable of what is unusual.
type Anomalies struct {
	Enabled bool `yaml:"enabled"`
	// EventsPerFalseFinding is in how many ordinary events of an account or
	// cluster one false finding is bearable, FalseFindingsPerDay how many in a
	// day of one. The stricter of the two counts.
	EventsPerFalseFinding int64 `yaml:"eventsPerFalseFinding"`
	FalseFindingsPerDay   int64 `yaml:"falseFindingsPerDay"`
}

// List is a file with one entry a line.
type List struct {
	Name string `yaml:"name"` // shown in findings
	Path string `yaml:"path"`
	// Category says what the entries are; "" is custom.
	Category string `yaml:"category"`
}

// Store is where findings rest.
type Store struct {
	DataDir       string `yaml:"dataDir"`
	RetentionDays int    `yaml:"retentionDays"` // after a finding was last changed
	// Postgres is a database in the place of the file in the data directory.
	Postgres Postgres `yaml:"postgres"`
}

// Postgres is a PostgreSQL database.
type Postgres struct {
	URL string `yaml:"url"` // postgres://…; "" keeps the findings in the data directory
	// PasswordFile holds the password, if the URL does not.
	PasswordFile string `yaml:"passwordFile"`
	MaxConns     int    `yaml:"maxConns"`
}

// Log is Vedette's own log, on standard error.
type Log struct {
	Level string `yaml:"level"` // debug, info, warn or error
	// Format is text or json.
	Format string `yaml:"format"`
}

// Default returns the configuration of an empty file.
func Default() *Config {
	return &Config{
		Account: "000000000000", Region: "us-east-1", Cluster: "kubernetes",
		Server:       Server{Listen: "127.0.0.1:8700", MetricsListen: "127.0.0.1:8701", DrainTimeout: 20 * time.Second},
		Ingest:       Ingest{RequireToken: "auto", MaxBodyBytes: 64 << 20, QuietAfter: 10 * time.Minute, Objects: defaultObjects()},
		AWS:          AWS{Lookup: defaultLookup()},
		Journal:      Journal{Shards: 4, MaxBytes: 4 << 30, MinFreeBytes: 256 << 20, NATS: NATS{Name: "vedette", Replicas: 3}},
		Detection:    Detection{LegacyKubernetesTypes: true, RuntimeCommandLines: true, RulePack: RulePack{Enabled: true}, Sequences: Sequences{Window: 24 * time.Hour}, Noise: Noise{FindingsPerTypeAndDay: 200}, Anomalies: Anomalies{Enabled: true, EventsPerFalseFinding: 100_000, FalseFindingsPerDay: 1}},
		Intelligence: defaultIntelligence(),
		Store:        Store{DataDir: "vedette-data", RetentionDays: 90, Postgres: Postgres{MaxConns: 8}},
		API:          defaultAPI(),
		Access:       defaultPeople(),
		Log:          Log{Level: "info", Format: "text"},
		Traces:       defaultTraces(),
	}
}

// Load reads a file over the defaults, lets flags change the result and
// validates it. An empty path is an empty file.
func Load(path string, flags func(*Config)) (*Config, error) {
	c := Default()
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		if err := c.parse(b); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if flags != nil {
		flags(c)
	}
	if err := c.Validate(); err != nil {
		if path != "" {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return nil, err
	}
	return c, nil
}

// Parse reads the text of a configuration file over the defaults and validates it.
func Parse(b []byte) (*Config, error) {
	c := Default()
	if err := c.parse(b); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

func (c *Config) parse(b []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true) // a misspelt key is an error, not a default
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("parse: %w", inWords(err, b))
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("parse: there is a second YAML document; only one is read")
	}
	c.Ingest.fill()
	c.Kubernetes.fill()
	return nil
}

var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType  = regexp.MustCompile(`(?s)^line (\d+): cannot unmarshal !!(\S+)(?: ` + "`(.*)`" + `)? into (\S+)$`)
)

// inWords takes the names of Go types out of a decoder's messages, and names
// the keys of what has the wrong form.
func inWords(err error, text []byte) error {
	var faults *yaml.TypeError
	if !errors.As(err, &faults) {
		return err
	}
	var doc yaml.Node
	_ = yaml.Unmarshal(text, &doc)
	var out []error
	for _, f := range faults.Errors {
		if m := wrongType.FindStringSubmatch(f); m != nil {
			f = wrongForm(&doc, m[1], m[2], m[3], m[4])
		}
		out = append(out, errors.New(unknownKey.ReplaceAllString(f, "$1 is not a key here; `vedette config print` shows those there are")))
	}
	return errors.Join(out...)
}

// wrongForm says what a value should look like that is of no use for a key.
func wrongForm(doc *yaml.Node, line, tag, value, into string) string {
	want := "another kind of value"
	switch {
	case into == "time.Duration":
		want = "a time such as 30s, 10m or 24h"
	case strings.HasPrefix(into, "int"):
		want = "a whole number, without a unit"
	case into == "bool":
		want = "true or false"
	case into == "string":
		want = "text"
	case strings.HasPrefix(into, "[]"):
		want = "a list"
	case strings.HasPrefix(into, "config."):
		want = "keys of its own; `vedette config print` shows them"
	}
	where := "line " + line
	if key := keyOf(doc, line, tag, value); key != "" {
		where += ": " + key
	}
	if value == "" {
		return fmt.Sprintf("%s: it must be %s", where, want)
	}
	return fmt.Sprintf("%s: %q is not %s", where, value, want)
}

// keyOf is the path of the first key on a line that has such a value, the
// innermost of those within each other; the decoder shortens long ones.
func keyOf(n *yaml.Node, line, tag, value string) string {
	var find func(n *yaml.Node, path string) string
	find = func(n *yaml.Node, path string) string {
		for i, child := range n.Content {
			at := path
			switch n.Kind {
			case yaml.MappingNode:
				if i%2 == 0 {
					continue // a key
				}
				at = strings.TrimPrefix(path+"."+n.Content[i-1].Value, ".")
			case yaml.SequenceNode:
				at = path + "[" + strconv.Itoa(i) + "]"
			}
			if found := find(child, at); found != "" {
				return found
			}
		}
		begin, _, cut := strings.Cut(value, "...")
		same := n.Value == value || cut && strings.HasPrefix(n.Value, begin)
		if strconv.Itoa(n.Line) == line && n.ShortTag() == "!!"+tag && same {
			return path
		}
		return ""
	}
	return find(n, "")
}
