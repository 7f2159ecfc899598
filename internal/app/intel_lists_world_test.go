package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel/format"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

const (
	listAccount = "111122223333"
	listRegion  = "eu-central-1"
)

// listWorld is the API, with the SDK before it and a real store behind, and
// what carries out the wishes, moved by hand and by a clock of its own.
type listWorld struct {
	t      testing.TB
	store  *store.Store
	client *guardduty.Client
	det    *string
	lists  *Lists
	active *ActiveLists

	mu  sync.Mutex
	now time.Time
	// slept is called where somebody waits, instead of waiting.
	slept func()
}

func (w *listWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *listWorld) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	w.now = w.now.Add(d)
	slept := w.slept
	w.mu.Unlock()
	if slept != nil {
		slept()
	}
	return ctx.Err()
}

// newListWorld has a detector. change may fit in where lists come from.
func newListWorld(t testing.TB, st *store.Store, change func(*ListOptions)) *listWorld {
	t.Helper()
	w := &listWorld{t: t, store: st, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	key, err := access.NewKey(access.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(api.New(api.Options{
		Store: st, Account: listAccount, Region: listRegion, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Keys: func(context.Context, string) (access.Key, error) { return key, nil },
	}))
	t.Cleanup(srv.Close)
	w.client = guardduty.New(guardduty.Options{
		BaseEndpoint: aws.String(srv.URL), Region: listRegion,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		}),
	})
	w.det = aws.String(finding.DetectorID(listAccount, listRegion))
	if _, err := st.Detector(t.Context(), *w.det); err != nil {
		if _, err := w.client.CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
	}
	o := ListOptions{
		Store: st, HTTP: NewListClient(), Now: w.clock, Sleep: w.sleep, Log: slog.New(slog.DiscardHandler),
		S3: func(context.Context, string) (*s3.Client, error) {
			return nil, fmt.Errorf("there is no S3 in this test")
		},
	}
	if change != nil {
		change(&o)
	}
	w.lists = NewLists(o)
	w.active = &ActiveLists{Store: st, Worker: "w1", Sleep: w.sleep}
	return w
}

func sqliteStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// bothStores runs a test on each kind of store. again opens the same store a
// second time, as another process does.
func bothStores(t *testing.T, run func(t *testing.T, st *store.Store, again func() *store.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "vedette.db")
		open := func() *store.Store { return opened(t)(store.Open(t.Context(), path, store.Options{Now: time.Now})) }
		run(t, open(), open)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := testbed.Postgres(t).URL("lists")
		open := func() *store.Store {
			return opened(t)(store.OpenPostgres(t.Context(), url, store.Options{Now: time.Now}))
		}
		run(t, open(), open)
	})
}

func opened(t *testing.T) func(*store.Store, error) *store.Store {
	return func(st *store.Store, err error) *store.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
}

// fromS3 reads lists from a real S3 server.
func fromS3(server *testbed.S3Server) func(*ListOptions) {
	return func(o *ListOptions) {
		o.Endpoint = server.Endpoint
		o.S3 = func(context.Context, string) (*s3.Client, error) { return server.Client(), nil }
	}
}

// round does what there is to do, to its end.
func (w *listWorld) round() {
	w.t.Helper()
	var work sync.WaitGroup
	err := w.lists.begin(w.t.Context(), &work)
	work.Wait()
	if err != nil {
		w.t.Fatal(err)
	}
}

// later lets so much time pass, and does what there is to do then.
func (w *listWorld) later(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	w.round()
}

// create makes a list that is to be active, and returns its id.
func (w *listWorld) create(kind store.ListKind, f, location string, change ...func(*guardduty.CreateThreatEntitySetInput)) string {
	w.t.Helper()
	in := &guardduty.CreateThreatEntitySetInput{DetectorId: w.det, Name: aws.String("list of " + string(kind)), Location: &location, Format: types.ThreatEntitySetFormat(f), Activate: aws.Bool(true)}
	for _, c := range change {
		c(in)
	}
	ctx := w.t.Context()
	var id *string
	var err error
	switch kind {
	case store.IPSet:
		var out *guardduty.CreateIPSetOutput
		if out, err = w.client.CreateIPSet(ctx, &guardduty.CreateIPSetInput{DetectorId: in.DetectorId, Name: in.Name, Location: in.Location, Format: types.IpSetFormat(f), Activate: in.Activate, ExpectedBucketOwner: in.ExpectedBucketOwner}); err == nil {
			id = out.IpSetId
		}
	case store.ThreatIntelSet:
		var out *guardduty.CreateThreatIntelSetOutput
		if out, err = w.client.CreateThreatIntelSet(ctx, &guardduty.CreateThreatIntelSetInput{DetectorId: in.DetectorId, Name: in.Name, Location: in.Location, Format: types.ThreatIntelSetFormat(f), Activate: in.Activate, ExpectedBucketOwner: in.ExpectedBucketOwner}); err == nil {
			id = out.ThreatIntelSetId
		}
	case store.TrustedEntitySet:
		var out *guardduty.CreateTrustedEntitySetOutput
		if out, err = w.client.CreateTrustedEntitySet(ctx, &guardduty.CreateTrustedEntitySetInput{DetectorId: in.DetectorId, Name: in.Name, Location: in.Location, Format: types.TrustedEntitySetFormat(f), Activate: in.Activate, ExpectedBucketOwner: in.ExpectedBucketOwner}); err == nil {
			id = out.TrustedEntitySetId
		}
	case store.ThreatEntitySet:
		var out *guardduty.CreateThreatEntitySetOutput
		if out, err = w.client.CreateThreatEntitySet(ctx, in); err == nil {
			id = out.ThreatEntitySetId
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return *id
}

// bad makes an active threat entity list.
func (w *listWorld) bad(location string) string {
	w.t.Helper()
	return w.create(store.ThreatEntitySet, "TXT", location)
}

func (w *listWorld) update(id string, change func(*guardduty.UpdateThreatEntitySetInput)) {
	w.t.Helper()
	in := &guardduty.UpdateThreatEntitySetInput{DetectorId: w.det, ThreatEntitySetId: &id}
	change(in)
	if _, err := w.client.UpdateThreatEntitySet(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func activate(on bool) func(*guardduty.UpdateThreatEntitySetInput) {
	return func(in *guardduty.UpdateThreatEntitySetInput) { in.Activate = &on }
}

// status is what the API shows of a threat entity list.
func (w *listWorld) status(id string) (status, details string) {
	w.t.Helper()
	out, err := w.client.GetThreatEntitySet(w.t.Context(), &guardduty.GetThreatEntitySetInput{DetectorId: w.det, ThreatEntitySetId: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out.Status), aws.ToString(out.ErrorDetails)
}

// want checks status and error details, of which a part is given; "" is none.
func (w *listWorld) want(id, status, details string) {
	w.t.Helper()
	got, why := w.status(id)
	if got != status || !strings.Contains(why, details) || details == "" && why != "" {
		w.t.Errorf("the list is %s (%q), want %s (%q)", got, why, status, details)
	}
}

// inForce is what a worker would judge by, and its generation.
func inForce(t testing.TB, a *ActiveLists) (string, int64) {
	t.Helper()
	lists, generation, err := a.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range lists {
		n := 0
		err := l.Each(func(e format.Entry) error {
			n++
			out = append(out, e.Value)
			return nil
		})
		if err != nil || n != l.Entries {
			t.Errorf("%d entries of %+v: %v", n, l, err)
		}
	}
	return strings.Join(out, " "), generation
}

func (w *listWorld) wantInForce(want string) int64 {
	w.t.Helper()
	got, generation := inForce(w.t, w.active)
	if got != want {
		w.t.Errorf("in force: %s; want %s", got, want)
	}
	return generation
}

// web serves lists by https, with a client that trusts it though it is on this
// machine.
func web(t testing.TB, h http.HandlerFunc) (string, func(*ListOptions)) {
	t.Helper()
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	return srv.URL, func(o *ListOptions) {
		o.HTTP = srv.Client()
		o.HTTP.CheckRedirect = checkRedirect
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
