package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
)

func detectorID() string { return finding.DetectorID(account, region) }

// service is the API over a real socket in front of a real store.
type service struct {
	t     *testing.T
	url   string
	store *store.Store
	keys  map[access.Role]access.Key
	log   *syncBuffer
	byID  *sync.Map // every key, by id
}

// syncBuffer takes the log, which many requests write at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newService(t *testing.T) *service {
	return newServiceOver(t, func(s api.Store) api.Store { return s })
}

// newServiceOver lets a test put something between the API and the store.
func newServiceOver(t *testing.T, wrap func(api.Store) api.Store) *service {
	return newServiceWith(t, func(o *api.Options) { o.Store = wrap(o.Store) })
}

// newServiceWith lets a test change what the API is made of.
func newServiceWith(t *testing.T, change func(*api.Options)) *service {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &service{t: t, store: st, keys: map[access.Role]access.Key{}, log: &syncBuffer{}, byID: &sync.Map{}}
	for _, role := range access.Roles() {
		k, err := access.NewKey(role)
		if err != nil {
			t.Fatal(err)
		}
		s.keys[role] = k
		s.byID.Store(k.ID, k)
	}
	o := api.Options{
		Store: st, Account: account, Region: region, Now: time.Now,
		Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Keys: func(_ context.Context, id string) (access.Key, error) {
			if k, ok := s.byID.Load(id); ok {
				return k.(access.Key), nil
			}
			return access.Key{}, access.ErrNoKey
		},
	}
	change(&o)
	srv := httptest.NewServer(api.New(o))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// client is the SDK with a key of the role, with no retries, so that what is
// tested is one answer.
func (s *service) client(role access.Role) *guardduty.Client {
	return clientFor(s.url, region, s.keys[role])
}

// as is the SDK with an admin's key of another account.
func (s *service) as(account string) *guardduty.Client {
	s.t.Helper()
	k := must(must(access.NewKey(access.RoleAdmin))(s.t).ForAccount(account))(s.t)
	s.byID.Store(k.ID, k)
	return clientFor(s.url, region, k)
}

// ownBody sends a copy of each request's body. The SDK closes the body once it
// has the head of the response; on a fast loopback the transport may then not
// have noticed yet that it has sent all of it, and would end the connection in
// the middle of the response. With retries, as everywhere else, nobody sees that.
type ownBody struct{}

func (ownBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return http.DefaultTransport.RoundTrip(r)
}

func clientFor(url, region string, k access.Key) *guardduty.Client {
	return guardduty.New(guardduty.Options{
		BaseEndpoint: aws.String(url), Region: region, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: ownBody{}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}, nil
		}),
	})
}

// enable makes the detector and returns an admin's client.
func (s *service) enable() *guardduty.Client {
	s.t.Helper()
	c := s.client(access.RoleAdmin)
	if _, err := c.CreateDetector(s.t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// reply is an answer in the raw.
type reply struct {
	status int
	header http.Header
	text   string
}

// message is the message of an error's body.
func (r reply) message() string {
	var body struct{ Message string }
	if json.Unmarshal([]byte(r.text), &body) != nil {
		return ""
	}
	return body.Message
}

// raw sends a signed request that the SDK would not send.
func (s *service) raw(role access.Role, method, target, body string) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	k := s.keys[role]
	err = v4.NewSigner().SignHTTP(s.t.Context(), aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}, r,
		hex.EncodeToString(sum[:]), "guardduty", region, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(r)
}

func (s *service) send(r *http.Request) reply {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// wantBad checks that err is the SDK's BadRequestException with that message.
func wantBad(t *testing.T, err error, message string) {
	t.Helper()
	var e *types.BadRequestException
	if !errors.As(err, &e) {
		t.Errorf("error %v is no BadRequestException", err)
		return
	}
	if e.ErrorMessage() != message || aws.ToString(e.Type) == "" {
		t.Errorf("message %q (type %q), want %q", e.ErrorMessage(), aws.ToString(e.Type), message)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
