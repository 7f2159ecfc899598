package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Folder is a folder of which every file that appears is read once.
type Folder struct {
	Path    string `yaml:"path"`
	Cluster string `yaml:"cluster"` // of audit records; default: the cluster above
	Source  string `yaml:"source"`  // k8s-audit, cloudtrail, vpc-flow, dns or runtime; "" finds out
	Format  string `yaml:"format"`  // names the fields of flow log lines that have no header
}

// Access is how AWS, or a store that speaks like it, is reached. Credentials
// come from where AWS's own tools take them.
type Access struct {
	Region  string `yaml:"region"`  // default: that of a queue's URL, or else the Region above
	Profile string `yaml:"profile"` // of the shared configuration of AWS
	// RoleARN is a role to take on, of another account for instance; ExternalID
	// goes with it.
	RoleARN    string `yaml:"roleARN"`
	ExternalID string `yaml:"externalID"`
	// Endpoint is the URL of a store that is not AWS's; PathStyle has the bucket
	// in the path of its URLs.
	Endpoint  string `yaml:"endpoint"`
	PathStyle bool   `yaml:"pathStyle"`
}

// Reading is which objects are read, and as what.
type Reading struct {
	// Include and Exclude are patterns of keys, in which * stands for anything.
	// Without include, the keys of CloudTrail, flow logs and query logs are read.
	Include []string `yaml:"include"`
	Exclude []string `yaml:"exclude"`
	// Accounts, if there are any, are the only ones whose logs are read.
	Accounts []string `yaml:"accounts"`
	Source   string   `yaml:"source"` // of objects whose key does not say; "" finds out
	Format   string   `yaml:"format"` // names the fields of flow log lines that have no header
	// Digests: "check" (the default) checks the digests of CloudTrail, "off" does
	// not. PublicKeysFile holds what `aws cloudtrail list-public-keys` prints; ""
	// asks the API.
	Digests        string `yaml:"digests"`
	PublicKeysFile string `yaml:"publicKeysFile"`
}

// Queue is an SQS queue that announces objects.
type Queue struct {
	URL string `yaml:"url"`
	// BucketRoleARN is a role to read the objects with, if it is another one.
	BucketRoleARN string   `yaml:"bucketRoleARN"`
	Buckets       []string `yaml:"buckets"` // the only ones that are read, if there are any
	Access        `yaml:",inline"`
	Reading       `yaml:",inline"`
}

// Bucket is an S3 bucket that is listed.
type Bucket struct {
	Name     string   `yaml:"name"`
	Prefixes []string `yaml:"prefixes"` // default: AWSLogs/
	// From is since when objects are read, when the bucket is first listed: now (the default),
	// all, a time before now such as 30d or 12h, or a date.
	From     string        `yaml:"from"`
	Every    time.Duration `yaml:"every"`    // how often it is listed; default: 1m
	LookBack time.Duration `yaml:"lookBack"` // how late objects may appear; default: 2h
	Access   `yaml:",inline"`
	Reading  `yaml:",inline"`
}

// fill gives what is not written its default.
func (in *Ingest) fill() {
	for i := range in.Queues {
		in.Queues[i].Reading.fill()
	}
	for i := range in.Buckets {
		b := &in.Buckets[i]
		b.Reading.fill()
		if b.From == "" {
			b.From = "now"
		}
		if b.Prefixes == nil {
			b.Prefixes = []string{"AWSLogs/"}
		}
		if b.Every == 0 {
			b.Every = time.Minute
		}
		if b.LookBack == 0 {
			b.LookBack = 2 * time.Hour
		}
	}
}

func (r *Reading) fill() {
	if r.Digests == "" {
		r.Digests = "check"
	}
}

// Objects bounds the reading of objects.
type Objects struct {
	Parallel int `yaml:"parallel"` // objects at once, of each queue and bucket
	// MaxBytes bounds one object, decompressed.
	MaxBytes int64 `yaml:"maxBytes"`
	// Tries is how often an object is tried before it is reported as lost.
	Tries int `yaml:"tries"`
	// Visibility is for how long a message of a queue is ours at a time.
	Visibility time.Duration `yaml:"visibility"`
}

func defaultObjects() Objects {
	return Objects{Parallel: 8, MaxBytes: 20 << 30, Tries: 8, Visibility: 2 * time.Minute}
}

var (
	roleForm   = regexp.MustCompile(`^arn:[a-z-]+:iam::[0-9]{12}:role/\S+$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	agoForm    = regexp.MustCompile(`^([0-9]{1,5})([dh])$`)
)

// Since is the moment that a bucket's From means; zero is since ever.
func (b *Bucket) Since(now time.Time) (time.Time, error) {
	switch m := agoForm.FindStringSubmatch(b.From); {
	case b.From == "now":
		return now, nil
	case b.From == "all":
		return time.Time{}, nil
	case m != nil:
		n, err := strconv.Atoi(m[1])
		if m[2] == "d" {
			n *= 24
		}
		return now.Add(-time.Duration(n) * time.Hour), err
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, b.From); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a beginning: use now, all, 30d, 12h, 2026-01-31 or 2026-01-31T12:00:00Z", b.From)
}

func validateSource(bad func(key, format string, args ...any), key, source, format string) {
	switch source {
	case "", "k8s-audit", "cloudtrail", "vpc-flow", "dns", "runtime":
	default:
		bad(key+".source", "%q is not a kind of record; use k8s-audit, cloudtrail, vpc-flow, dns, runtime or nothing to have it found out", source)
	}
	if format != "" && source != "" && source != "vpc-flow" {
		bad(key+".format", "it is for flow logs; set source: vpc-flow, or leave it out")
	}
	if format != "" && !HasAddresses(format) {
		bad(key+".format", "%q names no srcaddr and dstaddr; write the fields as the flow log was made with them", format)
	}
}

// HasAddresses reports whether a format of flow logs names who talks to whom,
// without which nothing can be said of a record. Other fields may be new ones of AWS's.
func HasAddresses(format string) bool {
	src, dst := false, false
	for f := range strings.FieldsSeq(strings.ToLower(format)) {
		f = strings.TrimSuffix(strings.TrimPrefix(f, "${"), "}")
		src, dst = src || f == "srcaddr", dst || f == "dstaddr" // not the pkt- ones, which may be others'
	}
	return src && dst
}

func (c *Config) validateAWS(bad func(key, format string, args ...any)) {
	for i, f := range c.Ingest.Folders {
		key := fmt.Sprintf("ingest.folders[%d]", i)
		if !filepath.IsAbs(f.Path) {
			bad(key+".path", "%q is not an absolute path", f.Path)
		}
		if f.Cluster != "" && !ValidCluster(f.Cluster) {
			bad(key+".cluster", "%q is not a cluster name", f.Cluster)
		}
		validateSource(bad, key, f.Source, f.Format)
	}
	for i := range c.Ingest.Queues {
		q := &c.Ingest.Queues[i]
		key := fmt.Sprintf("ingest.queues[%d]", i)
		if u, err := url.Parse(q.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(strings.Trim(u.Path, "/")) == 0 {
			bad(key+".url", "%q is not the URL of a queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/vedette", q.URL)
		}
		if q.BucketRoleARN != "" && !roleForm.MatchString(q.BucketRoleARN) {
			bad(key+".bucketRoleARN", "%q is not the ARN of a role", q.BucketRoleARN)
		}
		q.Access.validate(bad, key)
		q.Reading.validate(bad, key)
	}
	for i := range c.Ingest.Buckets {
		b := &c.Ingest.Buckets[i]
		key := fmt.Sprintf("ingest.buckets[%d]", i)
		b.validate(bad, key)
		b.Access.validate(bad, key)
		b.Reading.validate(bad, key)
	}
	c.AWS.Lookup.validate(bad)
	o := &c.Ingest.Objects
	if o.Parallel < 1 || o.Parallel > 256 {
		bad("ingest.objects.parallel", "%d is not between 1 and 256", o.Parallel)
	}
	if o.MaxBytes < 1<<20 {
		bad("ingest.objects.maxBytes", "%d is below 1 MiB (1048576)", o.MaxBytes)
	}
	if o.Tries < 1 {
		bad("ingest.objects.tries", "%d is below 1", o.Tries)
	}
	if o.Visibility < 30*time.Second || o.Visibility > 12*time.Hour {
		bad("ingest.objects.visibility", "%s is not between 30s and 12h", o.Visibility)
	}
}

func (b *Bucket) validate(bad func(key, format string, args ...any), key string) {
	if !bucketForm.MatchString(b.Name) {
		bad(key+".name", "%q is not the name of a bucket", b.Name)
	}
	if _, err := b.Since(time.Time{}); err != nil {
		bad(key+".from", "%v", err)
	}
	if len(b.Prefixes) == 0 {
		bad(key+".prefixes", `there are none; use [""] for the whole bucket`)
	}
	if b.Every < time.Second {
		bad(key+".every", "%s is below 1s", b.Every)
	}
	if b.LookBack < 0 {
		bad(key+".lookBack", "%s is negative", b.LookBack)
	}
}

func (a *Access) validate(bad func(key, format string, args ...any), key string) {
	if a.Region != "" && !regionForm.MatchString(a.Region) {
		bad(key+".region", "%q is not the name of an AWS Region, such as eu-central-1", a.Region)
	}
	if a.RoleARN != "" && !roleForm.MatchString(a.RoleARN) {
		bad(key+".roleARN", "%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/vedette", a.RoleARN)
	}
	if a.ExternalID != "" && a.RoleARN == "" {
		bad(key+".externalID", "it goes with roleARN, which is not set")
	}
	if u, err := url.Parse(a.Endpoint); a.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil) {
		bad(key+".endpoint", "it is not a URL such as https://minio.internal:9000, without credentials")
	}
}

func (r *Reading) validate(bad func(key, format string, args ...any), key string) {
	for i, a := range r.Accounts {
		if !accountForm.MatchString(a) {
			bad(fmt.Sprintf("%s.accounts[%d]", key, i), "%q is not an AWS account id; write 12 digits in quotes", a)
		}
	}
	validateSource(bad, key, r.Source, r.Format)
	if r.Digests != "check" && r.Digests != "off" {
		bad(key+".digests", "%q is not known; use check or off", r.Digests)
	}
	if r.PublicKeysFile != "" && !filepath.IsAbs(r.PublicKeysFile) {
		bad(key+".publicKeysFile", "%q is not an absolute path", r.PublicKeysFile)
	}
}
