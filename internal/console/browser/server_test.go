package browser

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/simulate"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
)

// server is a whole server on a free port of the loopback interface.
type server struct {
	t        testing.TB
	app      *app.App
	keys     *app.Keys
	url      string // without a slash at its end
	api      *guardduty.Client
	detector string
}

// start starts a server that has nothing yet, not even a detector.
func start(t testing.TB, change func(*config.Config)) *server {
	t.Helper()
	c := config.Default()
	c.Account, c.Region, c.Cluster = account, region, "prod"
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	c.Store.DataDir = t.TempDir()
	c.Intelligence.Feeds.Enabled = false // a test asks nobody outside
	c.API.RequestsPerSecond = 1000       // nor does it wait for itself
	change(c)
	a, err := app.Start(context.Background(), app.Options{
		Config: c, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Version: "test", Role: "all",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &server{t: t, app: a, url: "http://" + a.Addr}
	if s.keys, err = app.OpenKeys(t.Context(), c, time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.keys.Close() })
	key, err := s.keys.Create(t.Context(), access.RoleAdmin, "the tests")
	if err != nil {
		t.Fatal(err)
	}
	s.api = guardduty.New(guardduty.Options{
		BaseEndpoint: &s.url, Region: region, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}),
	})
	return s
}

// enable makes the detector.
func (s *server) enable() {
	s.t.Helper()
	out, err := s.api.CreateDetector(s.t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.detector = *out.DetectorId
}

// link makes a login link for somebody.
func (s *server) link(role access.Role, name string) string {
	s.t.Helper()
	token, err := s.keys.Link(s.t.Context(), role, name, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.url + console.LinkPath(token)
}

// attacks are the types whose records are pushed: one of each kind of source,
// attack sequences, and something unusual.
func attacks() []string {
	return slices.DeleteFunc(simulate.Types(), func(typ string) bool {
		return simulate.Past(typ) > 0 && typ != "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed" && typ != "Exfiltration:S3/AnomalousBehavior"
	})
}

// attack pushes the records of attacks to where their sources push them, and waits
// until all of them are judged.
func (s *server) attack(list []string) {
	s.t.Helper()
	list, times := simulate.Schedule(list, time.Now().Add(-2*time.Hour))
	for i, typ := range list {
		lines, err := simulate.Records(typ, times[i])
		if err != nil {
			s.t.Fatal(err)
		}
		var path, header string
		var body strings.Builder
		flush := func() {
			if body.Len() > 0 {
				s.push(path, body.String())
				body.Reset()
			}
		}
		for _, l := range lines {
			if to := pathOf(l); to != path || body.Len() > 4<<20 {
				flush()
				path = to
				if path == "/ingest/vpc-flow" {
					body.WriteString(header)
				}
			}
			if strings.HasPrefix(l, "version ") {
				header = l + "\n" // names the fields of the lines after it
			}
			body.WriteString(l + "\n")
		}
		flush()
	}
	s.settle()
}

// pathOf is where a record is pushed to.
func pathOf(line string) string {
	switch {
	case strings.Contains(line[:min(len(line), 60)], `"audit.k8s.io/v1"`):
		return "/ingest/k8s-audit/prod"
	case strings.HasPrefix(line, `{"eventVersion"`):
		return "/ingest/cloudtrail"
	case strings.HasPrefix(line, `{"runtimeVersion"`):
		return "/ingest/runtime"
	case strings.HasPrefix(line, `{`):
		return "/ingest/dns"
	}
	return "/ingest/vpc-flow"
}

func (s *server) push(path, body string) {
	s.t.Helper()
	res, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		s.t.Fatalf("push to %s: %s %s %v", path, res.Status, text, err)
	}
}

var waiting = regexp.MustCompile(`(?m)^vedette_journal_waiting_messages\{.*\} (.+)$`)

// settle waits until nothing waits in the journal.
func (s *server) settle() {
	s.t.Helper()
	s.until("everything is judged", func() bool {
		res, err := http.Get("http://" + s.app.MetricsAddr + "/metrics")
		if err != nil {
			s.t.Fatal(err)
		}
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		shards := waiting.FindAllSubmatch(page, -1)
		return len(shards) > 0 && !slices.ContainsFunc(shards, func(m [][]byte) bool { return string(m[1]) != "0" })
	})
}

// until waits for a condition.
func (s *server) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// findings are the ids of those with one of the values in a field, newest first.
func (s *server) findings(field string, values ...string) []string {
	s.t.Helper()
	out, err := s.api.ListFindings(s.t.Context(), &guardduty.ListFindingsInput{
		DetectorId:      &s.detector,
		FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.Condition{field: {Equals: values}}},
		SortCriteria:    &types.SortCriteria{AttributeName: aws.String("updatedAt"), OrderBy: types.OrderByDesc},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.FindingIds
}

// finding reads one finding.
func (s *server) finding(id string) types.Finding {
	s.t.Helper()
	out, err := s.api.GetFindings(s.t.Context(), &guardduty.GetFindingsInput{DetectorId: &s.detector, FindingIds: []string{id}})
	if err != nil || len(out.Findings) != 1 {
		s.t.Fatalf("finding %s: %v", id, err)
	}
	return out.Findings[0]
}
