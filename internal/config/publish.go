package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Publish is where findings and changes of coverage go by themselves.
type Publish struct {
	// File gets one event a line, in the JSON of EventBridge; "" for none.
	File string `yaml:"file"`
	// Targets are told of findings, each on its own.
	Targets []Target `yaml:"targets"`
	// Destinations says how the buckets are reached that the API was told to
	// export findings to.
	Destinations Access `yaml:"destinations"`
}

// Target is one place that is told of findings. Which keys it has depends on
// its type. A text in ${…} is the name of a variable of the environment.
type Target struct {
	Name string `yaml:"name"`
	Type string `yaml:"type"`

	// What is sent. Events are findings and health (of the sources of records);
	// Filter is findingCriteria, as the API has them.
	Events []string `yaml:"events,omitempty"`
	// Resolve has a target end what it opened when all findings of it were
	// archived; nil is yes.
	Resolve     *bool          `yaml:"resolve,omitempty"`
	MinSeverity float64        `yaml:"minSeverity,omitempty"`
	Filter      map[string]any `yaml:"filter,omitempty"`
	From        string         `yaml:"from,omitempty"` // of a target that is new: now, or all of the last days

	// When. Frequency is that of updates: detector (as UpdateDetector sets it),
	// immediate, FIFTEEN_MINUTES, ONE_HOUR or SIX_HOURS.
	Frequency    string        `yaml:"frequency,omitempty"`
	Group        string        `yaml:"group,omitempty"` // none, sequence or entity
	GroupWindow  time.Duration `yaml:"groupWindow,omitempty"`
	MaxPerSecond float64       `yaml:"maxPerSecond,omitempty"` // calls
	Parallel     int           `yaml:"parallel,omitempty"`     // calls at once
	Timeout      time.Duration `yaml:"timeout,omitempty"`      // of a call
	Gather       time.Duration `yaml:"gather,omitempty"`       // how long events wait for others

	// How it is reached.
	URL       string            `yaml:"url,omitempty"`
	URLFile   string            `yaml:"urlFile,omitempty"`
	Token     string            `yaml:"token,omitempty"` // ${VARIABLE} only
	TokenFile string            `yaml:"tokenFile,omitempty"`
	User      string            `yaml:"user,omitempty"`
	Headers   map[string]string `yaml:"headers,omitempty"`
	CAFile    string            `yaml:"caFile,omitempty"`
	CertFile  string            `yaml:"certFile,omitempty"`
	KeyFile   string            `yaml:"keyFile,omitempty"`

	Format       string `yaml:"format,omitempty"`
	Template     string `yaml:"template,omitempty"`
	TemplateFile string `yaml:"templateFile,omitempty"`
	// SigningKey and SigningKeyFile sign the requests of a webhook.
	SigningKey     string `yaml:"signingKey,omitempty"` // ${VARIABLE} only
	SigningKeyFile string `yaml:"signingKeyFile,omitempty"`

	Path       string            `yaml:"path,omitempty"`    // of a file
	Address    string            `yaml:"address,omitempty"` // host:port of syslog
	Protocol   string            `yaml:"protocol,omitempty"`
	Facility   int               `yaml:"facility,omitempty"`
	AppName    string            `yaml:"appName,omitempty"`
	Subject    string            `yaml:"subject,omitempty"` // of NATS
	Stream     bool              `yaml:"stream,omitempty"`
	Project    string            `yaml:"project,omitempty"` // of Jira
	Issue      string            `yaml:"issueType,omitempty"`
	Transition string            `yaml:"transition,omitempty"` // of an issue of Jira, when it is resolved
	Team       string            `yaml:"team,omitempty"`       // of Opsgenie
	Labels     map[string]string `yaml:"labels,omitempty"`
	Hold       time.Duration     `yaml:"hold,omitempty"`   // of alerts
	Bus        string            `yaml:"bus,omitempty"`    // of EventBridge
	Source     string            `yaml:"source,omitempty"` // of EventBridge
	QueueURL   string            `yaml:"queueURL,omitempty"`
	TopicARN   string            `yaml:"topicARN,omitempty"`
	Bucket     string            `yaml:"bucket,omitempty"`
	Prefix     string            `yaml:"prefix,omitempty"`
	KMSKey     string            `yaml:"kmsKeyARN,omitempty"`
	Brokers    []string          `yaml:"brokers,omitempty"`   // of Kafka, host:port
	Topic      string            `yaml:"topic,omitempty"`     // of Kafka
	Mechanism  string            `yaml:"mechanism,omitempty"` // of SASL
	Cluster    string            `yaml:"cluster,omitempty"`   // of Kubernetes, as findings name it
	API        string            `yaml:"api,omitempty"`       // of policy reports

	// How AWS is reached, see Access.
	Region     string `yaml:"region,omitempty"`
	Profile    string `yaml:"profile,omitempty"`
	RoleARN    string `yaml:"roleARN,omitempty"`
	ExternalID string `yaml:"externalID,omitempty"`
	Endpoint   string `yaml:"endpoint,omitempty"`
	PathStyle  bool   `yaml:"pathStyle,omitempty"`
}

// Access is how a target of AWS is reached.
func (t *Target) Access() Access {
	return Access{Region: t.Region, Profile: t.Profile, RoleARN: t.RoleARN, ExternalID: t.ExternalID, Endpoint: t.Endpoint, PathStyle: t.PathStyle}
}

// targetType is what a type of targets has: its own keys, beside those of all,
// and those of them that must be there (one of several, where | stands between).
type targetType struct{ keys, must string }

const (
	httpKeys = "caFile certFile keyFile parallel timeout"
	formKeys = "format template templateFile"
	awsKeys  = "region profile roleARN externalID endpoint"
	ofAll    = "name type events minSeverity filter from frequency group groupWindow maxPerSecond"
)

func targetTypes() map[string]targetType {
	return map[string]targetType{
		"webhook":      {"url urlFile headers token tokenFile signingKey signingKeyFile " + httpKeys + " " + formKeys, "url|urlFile"},
		"file":         {"path " + formKeys, "path"},
		"slack":        {"url urlFile caFile timeout", "url|urlFile"},
		"teams":        {"url urlFile caFile timeout", "url|urlFile"},
		"pagerduty":    {"url token tokenFile resolve caFile timeout", "token|tokenFile"},
		"opsgenie":     {"url token tokenFile team resolve caFile timeout", "token|tokenFile"},
		"jira":         {"url user token tokenFile project issueType labels resolve transition caFile timeout", "url project token|tokenFile"},
		"alertmanager": {"url headers user token tokenFile labels hold resolve " + httpKeys, "url"},
		"syslog":       {"address protocol facility appName caFile certFile keyFile " + formKeys, "address"},
		"nats":         {"url subject stream user token tokenFile caFile certFile keyFile " + formKeys, "url subject"},
		"otlp":         {"url headers token tokenFile gather " + httpKeys + " " + formKeys, "url"},
		"eventbridge":  {"bus source timeout parallel " + awsKeys, "bus"},
		"sqs":          {"queueURL timeout parallel " + awsKeys + " " + formKeys, "queueURL"},
		"sns":          {"topicARN timeout parallel " + awsKeys + " " + formKeys, "topicARN"},
		"securityhub":  {"timeout gather " + awsKeys, ""},
		"s3":           {"bucket prefix kmsKeyARN pathStyle format timeout gather " + awsKeys, "bucket"},
		"kafka":        {"brokers topic protocol mechanism user token tokenFile caFile certFile keyFile timeout gather " + formKeys, "brokers topic"},

		"kubernetes-events": {"cluster url token tokenFile caFile timeout parallel", "cluster"},
		"policyreport":      {"cluster url token tokenFile caFile timeout gather api resolve", "cluster"},
	}
}

// TargetTypes are the names of the types.
func TargetTypes() []string { return slices.Sorted(maps.Keys(targetTypes())) }

var (
	targetName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	environment = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)
	natsSubject = regexp.MustCompile(`^[^\s.*>]+(\.[^\s.*>]+)*$`)
	jiraProject = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	topicForm   = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$`)
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

func (p *Publish) validate(bad func(key, format string, args ...any)) {
	names := map[string]bool{}
	for i := range p.Targets {
		t := &p.Targets[i]
		key := fmt.Sprintf("publish.targets[%d]", i)
		switch {
		case !targetName.MatchString(t.Name):
			bad(key+".name", "%q is not a name: small letters, digits and dashes, 63 at most", t.Name)
		case names[t.Name]:
			bad(key+".name", "another target is called %s, too; what was sent is remembered by the name", t.Name)
		case t.Name == "file" && p.File != "":
			bad(key+".name", "publish.file is called file; choose another name")
		}
		names[t.Name] = true
		kind, ok := targetTypes()[t.Type]
		if !ok {
			bad(key+".type", "%q is not a type of targets; there are %s", t.Type, strings.Join(TargetTypes(), ", "))
			continue
		}
		t.checkKeys(kind, func(name, format string, args ...any) { bad(key+name, format, args...) })
		t.check(func(name, format string, args ...any) { bad(key+"."+name, format, args...) })
	}
}

// checkKeys checks that the keys are those of the type.
func (t *Target) checkKeys(kind targetType, bad func(name, format string, args ...any)) {
	may := strings.Fields(ofAll + " " + kind.keys)
	set := map[string]bool{}
	v := reflect.ValueOf(t).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if v.Field(i).IsZero() {
			continue
		}
		set[name] = true
		if !slices.Contains(may, name) {
			bad("."+name, "a target of type %s has no such key; it has %s", t.Type, strings.Join(may, ", "))
		}
	}
	for must := range strings.FieldsSeq(kind.must) {
		names := strings.Split(must, "|")
		n := 0
		for _, name := range names {
			if set[name] {
				n++
			}
		}
		switch {
		case n == 0:
			bad("", "a target of type %s needs %s", t.Type, strings.Join(names, " or "))
		case n > 1:
			bad("", "set one of %s, not both", strings.Join(names, " and "))
		}
	}
}

// check checks the values.
func (t *Target) check(bad func(name, format string, args ...any)) {
	t.checkWhat(bad)
	t.checkSecrets(bad)
	oneOf := func(name, value string, values ...string) {
		if value != "" && !slices.Contains(values, value) {
			bad(name, "%q is not known; use %s", value, strings.Join(values, ", "))
		}
	}
	oneOf("from", t.From, "now", "all")
	oneOf("frequency", t.Frequency, "detector", "immediate", "FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS")
	oneOf("group", t.Group, "none", "sequence", "entity")
	oneOf("format", t.Format, "eventbridge", "finding", "cloudevents", "cloudevents-binary", "ocsf", "ocsf-parquet", "falco", "asff", "cef", "text", "template")
	oneOf("protocol", t.Protocol, "udp", "tcp", "tls")
	if t.Format == "cloudevents-binary" && t.Type != "webhook" {
		bad("format", "cloudevents-binary puts attributes into headers of HTTP: only a webhook has those; use cloudevents")
	}
	if (t.Format == "template") != (t.Template != "" || t.TemplateFile != "") {
		bad("format", "format: template and a template (or templateFile) belong together")
	}
	if t.Template != "" && t.TemplateFile != "" {
		bad("template", "set template or templateFile, not both")
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		bad("certFile", "certFile and keyFile belong together; set both or none")
	}
	for _, d := range []struct {
		name     string
		d        time.Duration
		min, max time.Duration
	}{
		{"groupWindow", t.GroupWindow, time.Minute, 7 * 24 * time.Hour}, {"timeout", t.Timeout, time.Second, 5 * time.Minute},
		{"gather", t.Gather, time.Second, time.Hour}, {"hold", t.Hold, 5 * time.Minute, 30 * 24 * time.Hour},
	} {
		if d.d != 0 && (d.d < d.min || d.d > d.max) {
			bad(d.name, "%s is not from %s to %s", d.d, d.min, d.max)
		}
	}
	if t.MaxPerSecond < 0 || t.MaxPerSecond > 10_000 {
		bad("maxPerSecond", "%g is not from 0.001 to 10000", t.MaxPerSecond)
	}
	if t.Parallel < 0 || t.Parallel > 64 {
		bad("parallel", "%d is not from 1 to 64", t.Parallel)
	}
	if t.Facility < 0 || t.Facility > 23 {
		bad("facility", "%d is not from 1 to 23", t.Facility)
	}
	t.checkPlace(bad)
	t.checkKafka(bad)
	t.checkKubernetes(bad)
	t.checkStore(bad)
}

func (t *Target) checkWhat(bad func(name, format string, args ...any)) {
	for _, e := range t.Events {
		if e != "findings" && e != "health" {
			bad("events", "%q is not known; use findings, health or both", e)
		}
	}
	if len(t.Events) > 0 && !slices.Contains(t.Events, "findings") {
		bad("events", "leave findings in: a target without them is not told of any")
	}
	if t.MinSeverity < 0 || t.MinSeverity > 10 {
		bad("minSeverity", "%g is not a severity, from 1 to 10", t.MinSeverity)
	}
}

// checkSecrets wants secrets in files or in the environment: a configuration is
// shown, copied and kept in repositories.
func (t *Target) checkSecrets(bad func(name, format string, args ...any)) {
	for _, s := range []struct{ name, value, file string }{
		{"token", t.Token, t.TokenFile}, {"signingKey", t.SigningKey, t.SigningKeyFile},
	} {
		if s.value != "" && !environment.MatchString(s.value) {
			bad(s.name, "a secret does not stand here; put it into a file and name that in %sFile, or write ${VARIABLE} and set that in the environment", s.name)
		}
		if s.value != "" && s.file != "" {
			bad(s.name, "set %s or %sFile, not both", s.name, s.name)
		}
	}
	if (t.Type == "slack" || t.Type == "teams") && t.URL != "" && !environment.MatchString(t.URL) {
		bad("url", "the URL of a webhook of %s is a secret; put it into a file and name that in urlFile, or write ${VARIABLE} and set that in the environment", t.Type)
	}
	for name, value := range t.Headers {
		if !headerName.MatchString(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			bad("headers", "%q is not a header of HTTP", name)
		}
		lower := strings.ToLower(name)
		for _, word := range []string{"authorization", "token", "secret", "api-key", "apikey", "cookie", "password"} {
			if strings.Contains(lower, word) && !strings.Contains(value, "${") {
				bad("headers."+name, "a secret does not stand here; write ${VARIABLE} and set that in the environment, or use tokenFile")
				break
			}
		}
	}
}

// checkPlace checks where a target is.
func (t *Target) checkPlace(bad func(name, format string, args ...any)) {
	for _, u := range []struct{ name, value string }{{"url", t.URL}, {"endpoint", t.Endpoint}, {"queueURL", t.QueueURL}} {
		if u.value == "" || environment.MatchString(u.value) || t.Type == "nats" && u.name == "url" {
			continue
		}
		at, err := url.Parse(u.value)
		switch {
		case err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Hostname() == "":
			bad(u.name, "it is not an https or http URL")
		case at.User != nil:
			bad(u.name, "credentials do not stand in a URL; use tokenFile or a header")
		}
	}
	if t.Type == "nats" {
		for u := range strings.SplitSeq(t.URL, ",") {
			if at, err := url.Parse(strings.TrimSpace(u)); err == nil && at.User != nil {
				bad("url", "credentials do not stand in a URL; use user and tokenFile")
			}
		}
	}
	if t.Address != "" {
		if _, _, err := net.SplitHostPort(t.Address); err != nil {
			bad("address", "%q is not host:port", t.Address)
		}
	}
	if t.Path != "" && !filepath.IsAbs(t.Path) {
		bad("path", "%q is not an absolute path", t.Path)
	}
	if t.Subject != "" && !natsSubject.MatchString(t.Subject) {
		bad("subject", "%q is not a subject of NATS: words with dots between, without wildcards", t.Subject)
	}
	if t.Project != "" && !jiraProject.MatchString(t.Project) {
		bad("project", "%q is not the key of a Jira project, such as SEC", t.Project)
	}
	if t.Type == "jira" {
		for name, value := range t.Labels {
			if value != "" || strings.ContainsAny(name, " \t") {
				bad("labels", "labels of Jira are words without values, such as {security: \"\"}")
				break
			}
		}
	}
	if t.TopicARN != "" && !topicForm.MatchString(t.TopicARN) {
		bad("topicARN", "%q is not the ARN of an SNS topic", t.TopicARN)
	}
	if strings.HasPrefix(t.Source, "aws.") {
		bad("source", "%q: AWS keeps sources that begin with aws. for itself", t.Source)
	}
	if t.Region != "" && !regionForm.MatchString(t.Region) {
		bad("region", "%q is not the name of an AWS Region, such as eu-central-1", t.Region)
	}
}
