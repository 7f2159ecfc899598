package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	gdtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
)

// secrets hands out texts that nobody may read in a log, and finds them there.
type secrets struct {
	t    *testing.T
	dir  string
	mu   sync.Mutex
	log  bytes.Buffer
	list map[string]string // by what they are
}

func newSecrets(t *testing.T) *secrets {
	return &secrets{t: t, dir: t.TempDir(), list: map[string]string{}}
}

// Write takes a line of the log.
func (s *secrets) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

func (s *secrets) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *secrets) add(what, value string) string {
	s.list[what] = value
	return value
}

// made is a new secret; file is one in a file; env is one in a variable of the
// environment, as the configuration names it.
func (s *secrets) made(what string) string {
	return s.add(what, fmt.Sprintf("hush%dhush%x", len(s.list), what))
}

func (s *secrets) file(what string) string {
	path := filepath.Join(s.dir, fmt.Sprintf("secret-%d", len(s.list)))
	if err := os.WriteFile(path, []byte(s.made(what)+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *secrets) env(what string) string {
	name := fmt.Sprintf("VEDETTE_TEST_SECRET_%d", len(s.list))
	s.t.Setenv(name, s.made(what))
	return "${" + name + "}"
}

// look fails the test for every secret in a text, in any of the forms in which
// it travels.
func (s *secrets) look(where, text string) {
	s.t.Helper()
	for what, v := range s.list {
		for form, shown := range map[string]string{"": v, "in base64": base64.StdEncoding.EncodeToString([]byte(v)), "in a URL": url.QueryEscape(v)} {
			if at := strings.Index(text, shown); at >= 0 {
				from := strings.LastIndexByte(text[:at], '\n') + 1
				line, _, _ := strings.Cut(text[from:], "\n")
				s.t.Errorf("%s shows %s %s: %s", where, what, form, line)
				break
			}
		}
	}
}

// echo is a server that refuses everything, and says all that it was told.
func echo(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, true)
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, r.Header.Get("Authorization")+" "+r.URL.String()+"\n")
		w.Write(dump)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestSecretsStayOutOfTheLog: with secrets everywhere, and everything failing
// at places that repeat what they are told, the log shows none at any level.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"json": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		// The environment is set before both begin; it is the same for both.
		s, bad := newSecrets(t), echo(t)
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTESTSECRETS")
		t.Setenv("AWS_SECRET_ACCESS_KEY", s.made("the secret access key of AWS"))
		t.Setenv("AWS_SESSION_TOKEN", s.made("the session token of AWS"))
		c := config.Default()
		c.Server.Listen, c.Server.MetricsListen, c.Store.DataDir = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(s.dir, "data")
		c.Ingest.RequireToken = "always"
		failEverywhere(s, c, bad)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.t = t
			log := slog.New(handler(s, &slog.HandlerOptions{Level: slog.LevelDebug}))
			a, err := Start(t.Context(), Options{Config: c, Now: time.Now, Log: log, Version: "test", Role: "all"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := a.Stop(context.Background()); err != nil {
					t.Error(err)
				}
				s.look("the log", s.text())
			})
			provoke(t, s, a, bad)
			for _, part := range []string{"slack", "hook", "pager", "jira", "opsgenie", "collector", "bus", "stream"} {
				until(t, "publishing to "+part+" fails", func() bool {
					text, err := a.keys.store.PublishStatus(t.Context(), part)
					return err == nil && strings.Contains(string(text), `"error"`)
				})
				text, err := a.keys.store.PublishStatus(t.Context(), part)
				if err != nil {
					t.Fatal(err)
				}
				s.look("the status of "+part, string(text))
			}
			for _, said := range []string{"changes could not be published", "receiver of traces", "a queue", "a bucket", "api call refused", "the-feed", "the identity provider cannot be used"} {
				until(t, "the log has "+said, func() bool { return strings.Contains(s.text(), said) })
			}
			_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
			s.look("the metrics", page)
		})
	}
}

// failEverywhere configures all that knows a secret, so that it fails.
func failEverywhere(s *secrets, c *config.Config, bad string) {
	web := func(name, kind string, t config.Target) config.Target {
		t.Name, t.Type, t.From, t.Frequency = name, kind, "all", "immediate"
		return t
	}
	nowhere := "127.0.0.1:1"
	c.Publish.Targets = []config.Target{
		web("slack", "slack", config.Target{URL: bad + "/services/T0/B0/" + s.made("the address of Slack")}),
		web("hook", "webhook", config.Target{
			URL: bad + "/hook?key=" + s.made("the key in the address of a webhook"), Token: s.env("the token of a webhook"), Headers: map[string]string{"X-Api-Key": s.env("the header of a webhook")},
			SigningKeyFile: s.file("the signing key of a webhook"),
		}),
		web("pager", "pagerduty", config.Target{URL: bad, TokenFile: s.file("the routing key of PagerDuty")}),
		web("jira", "jira", config.Target{URL: bad, User: "vedette", TokenFile: s.file("the token of Jira"), Project: "SEC"}),
		web("opsgenie", "opsgenie", config.Target{URL: bad, TokenFile: s.file("the key of Opsgenie")}),
		web("collector", "otlp", config.Target{URL: bad, Headers: map[string]string{"X-Key": s.env("the header of a collector")}}),
		web("bus", "nats", config.Target{URL: "nats://" + nowhere, User: "vedette", TokenFile: s.file("the password of a NATS target"), Subject: "findings"}),
		web("stream", "kafka", config.Target{Brokers: []string{nowhere}, Topic: "findings", User: "vedette", TokenFile: s.file("the password of Kafka"), Mechanism: "plain"}),
	}
	aws := config.Access{Region: "us-east-1", Endpoint: bad, PathStyle: true}
	c.Ingest.Queues = []config.Queue{{URL: bad + "/111122223333/logs", Access: aws}}
	c.Ingest.Buckets = []config.Bucket{{Name: "logs", From: "now", Prefixes: []string{"AWSLogs/"}, Every: time.Second, LookBack: time.Hour, Access: aws}}
	c.Intelligence.Feeds.Use = []string{}
	c.Intelligence.Feeds.Own = []config.Feed{{
		Name: "the-feed", URL: bad + "/list", SecretFile: s.file("the key of a feed"), Header: "X-Feed-Key", Private: true, Refresh: time.Hour,
	}}
	c.Access.OIDC = config.OIDC{
		Issuer: "https://" + nowhere, ClientID: "vedette", ClientSecretFile: s.file("the client secret of OpenID Connect"),
		Scopes: []string{"email"}, GroupsClaim: "groups", Roles: config.OIDCRoles{Admin: []string{"admins"}},
	}
	c.Traces.Endpoint, c.Traces.Sample, c.Traces.TokenFile = bad, 1, s.file("the token of traces")
	c.Traces.Headers = map[string]string{"X-Tenant-Key": s.env("the header of traces")}
}

// provoke uses keys, good and wrong, in all places that take any.
func provoke(t *testing.T, s *secrets, a *App, bad string) {
	t.Helper()
	key, err := a.keys.Create(t.Context(), access.RoleIngest, "test")
	if err != nil {
		t.Fatal(err)
	}
	s.add("the secret of an ingest key", key.Secret)
	base := "http://" + a.Addr
	call := func(method, path string, header map[string]string, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			req.Header.Set(k, v)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return res.StatusCode
	}
	bearer := map[string]string{"Authorization": "Bearer " + key.ID + "." + key.Secret}
	if code := call("POST", "/ingest/k8s-audit/prod", bearer, eventList([]string{attack("mallory", 1)})); code != http.StatusOK {
		t.Fatalf("a push with a good key: status %d", code)
	}
	call("POST", "/ingest/k8s-audit/prod", bearer, "nonsense")
	call("POST", "/ingest/k8s-audit/prod", map[string]string{"Authorization": "Bearer " + key.ID + "." + s.made("a wrong token")}, "{}")
	call("POST", "/ingest/k8s-audit/prod?token="+s.made("a token in a query"), nil, "{}")
	call("POST", "/ingest/firehose", map[string]string{"X-Amz-Firehose-Access-Key": key.ID + ":" + s.made("a wrong key of Firehose"), "X-Amz-Firehose-Request-Id": "1"}, "{}")
	call("GET", "/detector", bearer, "")
	call("GET", "/detector", map[string]string{
		"Authorization":        "AWS4-HMAC-SHA256 Credential=" + key.ID + "/20260101/us-east-1/guardduty/aws4_request, SignedHeaders=host, Signature=" + s.made("a wrong signature"),
		"X-Amz-Security-Token": s.made("a session token"),
	}, "")
	call("GET", "/detector?X-Amz-Signature="+s.made("a signature in a query"), nil, "")
	call("GET", "/console/", map[string]string{"Cookie": "vedette_session=" + s.made("a session")}, "")
	call("GET", "/console/login?link="+s.made("a login link"), nil, "")
	for name, value := range map[string]string{"link": s.made("a login link in a form"), "secret": s.made("a wrong secret in a form")} {
		form := url.Values{"key": {key.ID}, name: {value}}
		call("POST", "/console/login", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
	}
	if code := call("GET", "/console/login/oidc", nil, ""); code != http.StatusBadGateway {
		t.Errorf("a login with OpenID Connect: status %d", code)
	}
	call("GET", "/console/login/callback?code="+s.made("a code of OpenID Connect")+"&state=x", nil, "")

	u := newUser(t, a)
	_, err = u.client.CreateThreatIntelSet(t.Context(), &guardduty.CreateThreatIntelSetInput{
		DetectorId: u.det, Name: aws.String("signed"), Format: gdtypes.ThreatIntelSetFormatTxt, Activate: aws.Bool(true),
		Location: aws.String(bad + "/list.txt?X-Amz-Signature=" + s.made("the signature of a list's address")),
	})
	if err != nil {
		s.look("an answer of the API", err.Error())
	}
}

// TestSecretsOfDatabases: a database or a journal that cannot be reached is told
// of without its password.
func TestSecretsOfDatabases(t *testing.T) {
	for name, change := range map[string]func(*secrets, *config.Config){
		"PostgreSQL, away": func(s *secrets, c *config.Config) {
			c.Store.Postgres.URL = "postgres://vedette:" + s.made("the password") + "@127.0.0.1:1/vedette?sslmode=disable"
		},
		"PostgreSQL, not a URL": func(s *secrets, c *config.Config) {
			c.Store.Postgres.URL = "postgres://vedette:" + s.made("the password") + "%zz@127.0.0.1:1/vedette"
		},
		"PostgreSQL, a setting that there is not": func(s *secrets, c *config.Config) {
			c.Store.Postgres.URL = "postgres://vedette:" + s.made("the password") + "@127.0.0.1:1/vedette?sslmode=often"
		},
		"NATS, away": func(s *secrets, c *config.Config) {
			c.Journal.NATS.URL = "nats://vedette:" + s.made("the password") + "@127.0.0.1:1"
		},
		"NATS, a password in a file": func(s *secrets, c *config.Config) {
			c.Journal.NATS.URL, c.Journal.NATS.Username, c.Journal.NATS.PasswordFile = "nats://127.0.0.1:1", "vedette", s.file("the password")
		},
		"NATS, not a URL": func(s *secrets, c *config.Config) {
			c.Journal.NATS.URL = "nats://vedette:" + s.made("the password") + "%zz@127.0.0.1:1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSecrets(t)
			c := config.Default()
			c.Server.Listen, c.Server.MetricsListen, c.Store.DataDir = "127.0.0.1:0", "", filepath.Join(s.dir, "data")
			change(s, c)
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			log := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug}))
			a, err := Start(ctx, Options{Config: c, Now: time.Now, Log: log, Version: "test", Role: "all"})
			if err == nil {
				a.Stop(context.Background())
				t.Fatal("it started")
			}
			s.look("the error", err.Error())
			s.look("the log", s.text())
			if err := c.Validate(); err != nil {
				s.look("the validation", err.Error())
			}
		})
	}
}
