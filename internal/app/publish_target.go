package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/nats-io/nats.go"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// BuiltTarget is a target of the configuration, ready to send to.
type BuiltTarget struct {
	Target publish.Target
	Policy publish.Policy
	// Detector says that the policy lacks how long updates are gathered: it is
	// for the detector to say.
	Detector bool
}

// Defaults of targets.
const (
	targetTimeout = 30 * time.Second
	targetWindow  = time.Hour
	targetHold    = 24 * time.Hour
	exportGather  = 5 * time.Second
	exportBatch   = 1000
	lakeGather    = 5 * time.Minute
	lakeBatch     = 5000
	reportBatch   = 100
)

// BuildTarget makes a target, with its secrets from files and the environment.
// It sends nothing.
func BuildTarget(ctx context.Context, c *config.Config, t *config.Target, now func() time.Time, version string) (*BuiltTarget, error) {
	b := &targetBuilder{config: c, t: t, now: now, version: version}
	to, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	p, err := b.policy()
	if err != nil {
		return nil, err
	}
	out := &BuiltTarget{Target: to, Policy: p, Detector: t.Frequency == "" || t.Frequency == "detector"}
	if pause := Frequency(t.Frequency); !out.Detector && pause > 0 {
		out.Policy.Quiet = func(context.Context, string) (time.Duration, error) { return pause, nil }
	}
	return out, nil
}

// CheckTargets builds all targets, as a start would.
func CheckTargets(c *config.Config) error {
	var errs []error
	for i := range c.Publish.Targets {
		if _, err := BuildTarget(context.Background(), c, &c.Publish.Targets[i], time.Now, ""); err != nil {
			errs = append(errs, fmt.Errorf("publish.targets[%d] (%s): %w", i, c.Publish.Targets[i].Name, err))
		}
	}
	return errors.Join(errs...)
}

// targetBuilder makes one target.
type targetBuilder struct {
	config  *config.Config
	t       *config.Target
	now     func() time.Time
	version string
	secrets []string // that no error may show
}

// policy is what the target wants to hear. People are told of an incident once;
// programs of each finding.
func (b *targetBuilder) policy() (publish.Policy, error) {
	t := b.t
	p := publish.Policy{
		MinSeverity: t.MinSeverity, NoHealth: len(t.Events) > 0 && !slices.Contains(t.Events, "health"), Group: cmp.Or(t.Group, publish.GroupNone),
		Window: cmp.Or(t.GroupWindow, targetWindow), Gather: t.Gather, Parallel: cmp.Or(t.Parallel, 1), Timeout: cmp.Or(t.Timeout, targetTimeout),
	}
	perSecond := t.MaxPerSecond
	people := func(rate float64) {
		p.Batch, p.Group, perSecond = 1, cmp.Or(t.Group, publish.GroupSequence), cmp.Or(perSecond, rate)
	}
	switch t.Type {
	case "webhook", "sns":
		p.Batch, p.Parallel = 1, cmp.Or(t.Parallel, 4)
	case "slack", "teams":
		people(1)
	case "pagerduty", "jira":
		people(2)
	case "opsgenie":
		people(5)
	case "eventbridge", "sqs":
		p.Batch = 10
	case "securityhub":
		p.Batch, p.NoHealth = 100, true
	case "s3":
		p.Batch, p.NoHealth, p.Gather = exportBatch, true, cmp.Or(t.Gather, exportGather)
		if t.Format == target.FormatParquet {
			p.Batch, p.Gather = lakeBatch, cmp.Or(t.Gather, lakeGather)
		}
	case "kubernetes-events":
		p.Batch, p.NoHealth, p.Parallel = 1, true, cmp.Or(t.Parallel, 4)
	case "policyreport":
		p.Batch, p.NoHealth = reportBatch, true
	}
	switch t.Type {
	case "pagerduty", "opsgenie", "jira", "alertmanager", "policyreport": // they keep something open
		p.Resolve = t.Resolve == nil || *t.Resolve
	}
	if perSecond > 0 {
		p.Every = time.Duration(float64(time.Second) / perSecond)
	}
	if t.Filter != nil {
		m, err := criteriaOf(t.Filter)
		if err != nil {
			return p, fmt.Errorf("filter: %w", err)
		}
		p.Matcher = m
	}
	return p, nil
}

// criteriaOf reads criteria in the form of the API. As a short form the fields
// may stand without criterion around them.
func criteriaOf(filter map[string]any) (finding.Matcher, error) {
	if _, ok := filter["criterion"]; !ok {
		filter = map[string]any{"criterion": filter}
	}
	text, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	c, err := finding.DecodeCriteria(text)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(finding.ScopeFilter); err != nil {
		return nil, err
	}
	return c.Compile()
}

func (b *targetBuilder) build(ctx context.Context) (publish.Target, error) {
	switch b.t.Type {
	case "eventbridge", "sqs", "sns", "securityhub", "s3":
		return b.buildAWS(ctx)
	case "file":
		form, err := b.form()
		return &target.File{Form: form, Path: b.t.Path}, err
	case "syslog":
		return b.syslog()
	case "nats":
		return b.nats()
	case "kafka":
		return b.kafka()
	case "kubernetes-events", "policyreport":
		return b.kubernetes()
	}
	return b.buildWeb()
}

// buildWeb makes the targets that are reached by HTTP.
func (b *targetBuilder) buildWeb() (publish.Target, error) {
	t := b.t
	to, err := b.text("url", t.URL, t.URLFile)
	if err != nil {
		return nil, err
	}
	token, err := b.text("token", t.Token, t.TokenFile)
	if err != nil {
		return nil, err
	}
	if to != "" {
		u, err := url.Parse(to)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
			return nil, errors.New("url: it is not an https or http URL")
		}
		if u.RawQuery != "" { // it may hold a key
			b.secrets = append(b.secrets, u.RawQuery)
		}
		// Who knows the address of a chat may write there, wherever it stands.
		if t.URLFile != "" || strings.HasPrefix(t.URL, "${") || t.Type == "slack" || t.Type == "teams" {
			b.secrets = append(b.secrets, to, strings.TrimPrefix(u.RequestURI(), "/"))
		}
	}
	header, err := b.headers(token)
	if err != nil {
		return nil, err
	}
	conf, err := b.tls()
	if err != nil {
		return nil, err
	}
	key, err := b.text("signingKey", t.SigningKey, t.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	form, err := b.form()
	if err != nil {
		return nil, err
	}
	web := target.Web{Client: target.NewClient(conf), Secrets: b.secrets, Now: b.now}
	base := strings.TrimSuffix(to, "/")
	switch t.Type {
	case "webhook":
		return &target.Webhook{Web: web, Form: form, URL: to, Header: header, Key: []byte(key)}, nil
	case "slack":
		return &target.Slack{Web: web, URL: to}, nil
	case "teams":
		return &target.Teams{Web: web, URL: to}, nil
	case "pagerduty":
		return &target.PagerDuty{Web: web, URL: cmp.Or(to, target.PagerDutyURL), Key: token}, nil
	case "opsgenie":
		return &target.Opsgenie{Web: web, URL: cmp.Or(base, target.OpsgenieURL), Key: token, Team: t.Team}, nil
	case "jira":
		return &target.Jira{
			Web: web, URL: base, Header: header, Project: t.Project, Issue: cmp.Or(t.Issue, "Task"), Labels: slices.Sorted(maps.Keys(t.Labels)),
			Transition: t.Transition,
		}, nil
	case "alertmanager":
		return &target.Alertmanager{Web: web, URL: base, Header: header, Labels: t.Labels, Hold: cmp.Or(t.Hold, targetHold)}, nil
	case "otlp":
		return &target.OTLP{Web: web, Form: form, URL: base, Header: header}, nil
	}
	return nil, fmt.Errorf("there is no type %q", t.Type)
}

// headers are those of the configuration, with the authorization.
func (b *targetBuilder) headers(token string) (http.Header, error) {
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
		if b.t.User != "" {
			basic := base64.StdEncoding.EncodeToString([]byte(b.t.User + ":" + token))
			h.Set("Authorization", "Basic "+basic)
			b.secrets = append(b.secrets, basic)
		}
	}
	for name, value := range b.t.Headers {
		filled, err := b.fill("headers."+name, value)
		if err != nil {
			return nil, err
		}
		h.Set(name, filled)
	}
	return h, nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// fill puts variables of the environment into a text; what comes from there is
// a secret.
func (b *targetBuilder) fill(key, text string) (string, error) {
	var missing error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[2 : len(v)-1]
		value, ok := os.LookupEnv(name)
		if value = strings.TrimSpace(value); !ok || value == "" {
			missing = fmt.Errorf("%s: the variable %s is not set in the environment", key, name)
		}
		b.secrets = append(b.secrets, value)
		return value
	})
	return out, missing
}

// text is a value of the configuration, or of a file that it names. What
// comes from a file is a secret.
func (b *targetBuilder) text(key, value, file string) (string, error) {
	if file == "" {
		return b.fill(key, value)
	}
	out, err := secret(key+"File", file)
	if err == nil && out == "" {
		err = fmt.Errorf("%sFile: %s is empty", key, file)
	}
	b.secrets = append(b.secrets, out)
	return out, err
}

func (b *targetBuilder) tls() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if b.t.CAFile != "" {
		pool, err := authorities("caFile", b.t.CAFile)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = pool
	}
	if b.t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(b.t.CertFile, b.t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certFile: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

func (b *targetBuilder) form() (target.Form, error) {
	f := target.Form{Format: cmp.Or(b.t.Format, target.FormatEventBridge), Version: b.version}
	text := b.t.Template
	if b.t.TemplateFile != "" {
		data, err := os.ReadFile(b.t.TemplateFile)
		if err != nil {
			return f, fmt.Errorf("templateFile: %w", err)
		}
		text = string(data)
	}
	if text == "" {
		return f, nil
	}
	var err error
	if f.Template, err = target.ParseTemplate(text); err != nil {
		err = fmt.Errorf("template: %w", err)
	}
	return f, err
}

func (b *targetBuilder) syslog() (publish.Target, error) {
	t := b.t
	form, err := b.form()
	if err != nil {
		return nil, err
	}
	conf, err := b.tls()
	if err != nil {
		return nil, err
	}
	s := &target.Syslog{
		Form: form, Network: cmp.Or(t.Protocol, "tcp"), Address: t.Address, TLS: conf, Facility: cmp.Or(t.Facility, 16), AppName: cmp.Or(t.AppName, "vedette"),
	}
	s.TLS.ServerName, _, _ = strings.Cut(t.Address, ":")
	if u, err := url.Parse("//" + t.Address); err == nil {
		s.TLS.ServerName = u.Hostname()
	}
	if s.Hostname, err = os.Hostname(); err != nil {
		s.Hostname = "-"
	}
	return s, nil
}

func (b *targetBuilder) nats() (publish.Target, error) {
	t := b.t
	form, err := b.form()
	if err != nil {
		return nil, err
	}
	token, err := b.text("token", t.Token, t.TokenFile)
	if err != nil {
		return nil, err
	}
	conf, err := b.tls()
	if err != nil {
		return nil, err
	}
	to, err := b.fill("url", t.URL)
	if err != nil {
		return nil, err
	}
	o := []nats.Option{nats.Name("vedette publishing to " + t.Name), nats.MaxReconnects(-1)}
	if t.CAFile != "" || t.CertFile != "" || strings.HasPrefix(to, "tls://") {
		o = append(o, nats.Secure(conf))
	}
	switch {
	case t.User != "":
		o = append(o, nats.UserInfo(t.User, token))
	case token != "":
		o = append(o, nats.Token(token))
	}
	return &target.NATS{Form: form, URL: to, Options: o, Subject: t.Subject, Stream: t.Stream}, nil
}

// buildAWS makes the targets of AWS.
func (b *targetBuilder) buildAWS(ctx context.Context) (publish.Target, error) {
	t := b.t
	access := t.Access()
	region := firstOf(t.Region, ingest.QueueRegion(t.QueueURL), topicRegion(t.TopicARN), b.config.Region)
	cfg, err := awsConfig(ctx, &access, region, t.RoleARN)
	if err != nil {
		return nil, err
	}
	form, err := b.form()
	if err != nil {
		return nil, err
	}
	service := map[string]string{"eventbridge": target.EventBridgeService, "sns": "sns", "securityhub": target.SecurityHubService}[t.Type]
	called := target.AWS{
		Web: target.Web{Client: target.NewClient(&tls.Config{MinVersion: tls.VersionTLS12}), Now: b.now}, Config: cfg, Service: service, Region: region,
		URL: cmp.Or(t.Endpoint, target.AWSURL(service, region)),
	}
	switch t.Type {
	case "eventbridge":
		return &target.EventBridge{AWS: called, Bus: t.Bus, Source: cmp.Or(t.Source, "vedette")}, nil
	case "sns":
		return &target.SNS{AWS: called, Form: form, Topic: t.TopicARN}, nil
	case "securityhub":
		return &target.SecurityHub{AWS: called}, nil
	case "s3":
		bucket := target.S3{Client: newS3(cfg, &access), Bucket: t.Bucket, Prefix: t.Prefix, KMSKey: t.KMSKey}
		if t.Format == target.FormatParquet {
			return &target.Lake{S3: bucket, Version: b.version}, nil
		}
		return &bucket, nil
	}
	at, err := url.Parse(t.QueueURL)
	if err != nil {
		return nil, errors.New("queueURL: it is not a URL")
	}
	base := cmp.Or(t.Endpoint, at.Scheme+"://"+at.Host)
	return &target.SQS{Form: form, URL: t.QueueURL, Client: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(base) })}, nil
}

// topicRegion is the Region in the ARN of a topic.
func topicRegion(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}
