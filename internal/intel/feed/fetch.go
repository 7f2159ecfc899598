package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

const maxHops = 5

// answer is what a publisher sent, or that nothing has changed.
type answer struct {
	body      *os.File // at its start; nil if unchanged
	bytes     int64
	sha256    string
	header    http.Header
	unchanged bool
}

// close throws the body away.
func (a *answer) close() {
	if a != nil && a.body != nil {
		a.body.Close()
		os.Remove(a.body.Name())
	}
}

// refused is an answer with a status that is no success.
type refused struct {
	status int
	after  time.Duration // when to come again, if it says so
}

func (r *refused) Error() string {
	s := fmt.Sprintf("the answer is %d %s", r.status, http.StatusText(r.status))
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		s += "; does it want a key?"
	case http.StatusNotFound, http.StatusGone:
		s += "; has the list moved?"
	}
	return s
}

// conditions of a request: what we have already.
type conditions struct{ etag, modified string }

// get fetches address completely into a file, at most limit bytes of it.
func (u *Updater) get(ctx context.Context, s *Source, address, accept string, have conditions, limit int64) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("not finished within %v", s.Timeout))
	defer cancel()
	a, err := u.follow(ctx, s, address, accept, have, limit)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		return nil, fmt.Errorf("get %s: %w", shown(address), err)
	}
	return a, nil
}

// shown is an address without what may be secret in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

func (u *Updater) follow(ctx context.Context, s *Source, address, accept string, have conditions, limit int64) (*answer, error) {
	secret, err := s.secret()
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(strings.ReplaceAll(address, "{key}", url.QueryEscape(secret)))
	if err != nil {
		return nil, errors.New("it is no address")
	}
	home := at.Scheme + at.Host
	for range maxHops + 1 {
		if err := s.mayAsk(at); err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, errors.New("it is no address")
		}
		req.Header.Set("User-Agent", u.o.Agent)
		req.Header.Set("Accept", accept)
		have.set(req)
		if at.Scheme+at.Host == home { // a redirect elsewhere gets no secret
			s.authorize(req, secret, address)
		}
		res, err := u.do(s, req)
		if err != nil {
			return nil, err
		}
		next := res.Header.Get("Location")
		if !redirects(res.StatusCode) || next == "" {
			return u.take(ctx, res, have, limit)
		}
		res.Body.Close()
		if at, err = at.Parse(next); err != nil {
			return nil, fmt.Errorf("it leads to %q, which is no address", next)
		}
	}
	return nil, fmt.Errorf("it leads from address to address, more than %d times", maxHops)
}

func redirects(status int) bool {
	return status >= 300 && status < 400 && status != http.StatusNotModified
}

func hostPort(at *url.URL) string {
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[at.Scheme]
	}
	return net.JoinHostPort(at.Hostname(), port)
}

// do sends one request by the client that fits the source.
func (u *Updater) do(s *Source, req *http.Request) (*http.Response, error) {
	client := u.private
	if !s.AllowPrivate {
		client = u.public
		if a, err := netip.ParseAddr(req.URL.Hostname()); err == nil { // a proxy would connect to it
			if err := public(netip.AddrPortFrom(a, 1).String()); err != nil {
				return nil, err
			}
		}
	}
	req, err := withProxy(client, req)
	if err != nil {
		return nil, fmt.Errorf("the proxy of the environment: %w", err)
	}
	res, err := client.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // its text has the address, and with it, perhaps, the key
	}
	return res, err
}

func (c conditions) set(req *http.Request) {
	if c.etag != "" {
		req.Header.Set("If-None-Match", c.etag)
	}
	if c.modified != "" {
		req.Header.Set("If-Modified-Since", c.modified)
	}
}

// secret reads the key anew each time: it may have been changed.
func (s *Source) secret() (string, error) {
	if s.Secret == "" {
		return "", nil
	}
	text, err := os.ReadFile(s.Secret)
	if err != nil {
		return "", fmt.Errorf("read the feed's secret: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (s *Source) authorize(req *http.Request, secret, address string) {
	switch {
	case secret == "" || strings.Contains(address, "{key}"):
	case s.User != "":
		req.SetBasicAuth(s.User, secret)
	case s.Header != "":
		req.Header.Set(s.Header, secret)
	default:
		req.Header.Set("Authorization", "Bearer "+secret)
	}
}

// take reads an answer into a file of the folder.
func (u *Updater) take(ctx context.Context, res *http.Response, have conditions, limit int64) (*answer, error) {
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified {
		if have == (conditions{}) {
			return nil, &refused{status: res.StatusCode} // nobody asked whether it had changed
		}
		return &answer{unchanged: true, header: res.Header}, nil
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent { // TAXII 2.1 says 200; 2.0 said 206
		return nil, &refused{res.StatusCode, u.retryAfter(res.Header.Get("Retry-After"))}
	}
	f, err := u.temp()
	if err != nil {
		return nil, err
	}
	a, sum := &answer{body: f, header: res.Header}, sha256.New()
	a.bytes, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(res.Body, limit+1))
	if err == nil {
		// A body can end cleanly because we are hanging up: a server that sees
		// that may still write its last chunk.
		err = ctx.Err()
	}
	if err == nil && a.bytes > limit {
		err = fmt.Errorf("it has more than %d bytes, the limit of this feed", limit)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the answer is cut short after %d bytes: %w", a.bytes, err)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	a.sha256 = hex.EncodeToString(sum.Sum(nil))
	return a, nil
}

// retryAfter reads seconds or a date.
func (u *Updater) retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 7*24*3600)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(u.o.Now()), 0)
	}
	return 0
}

// verify compares a document with the SHA-256 that its publisher states.
func (u *Updater) verify(ctx context.Context, s *Source, a *answer) error {
	if s.Checksum == "" {
		return nil
	}
	stated, err := u.get(ctx, s, s.Checksum, "*/*", conditions{}, 1<<20)
	if err != nil {
		return fmt.Errorf("the checksum: %w", err)
	}
	defer stated.close()
	text, err := io.ReadAll(stated.body)
	if err != nil {
		return fmt.Errorf("the checksum: %w", err)
	}
	want, ok := statedSum(string(text), path.Base(s.URL))
	if !ok {
		return fmt.Errorf("%s states no SHA-256 of %s", shown(s.Checksum), path.Base(s.URL))
	}
	if want != a.sha256 {
		return fmt.Errorf("the document does not fit its checksum: SHA-256 %s, stated is %s", a.sha256, want)
	}
	return nil
}

// statedSum finds the sum of a file in the output of sha256sum, or one alone.
func statedSum(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || len(f[0]) != 64 {
			continue
		}
		if _, err := hex.DecodeString(f[0]); err != nil {
			continue
		}
		if len(f) == 1 || path.Base(strings.TrimPrefix(f[1], "*")) == name {
			return strings.ToLower(f[0]), true
		}
	}
	return "", false
}
