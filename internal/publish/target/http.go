package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/trace"
)

// Bounds of an answer.
const (
	maxAnswer = 1 << 20
	maxQuoted = 200 // bytes of an answer that an error repeats
)

// NewClient makes a client of targets: it verifies who answers, follows no
// redirect and waits for nothing for ever.
func NewClient(conf *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig: conf, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Web is how a target is reached by HTTP.
type Web struct {
	Client *http.Client
	// Secrets are texts that no error may show.
	Secrets []string
	Now     func() time.Time
}

// answer is what a server said to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request. An error never shows the URL, which may be a secret.
func (w *Web) do(ctx context.Context, method, to string, header http.Header, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL of the target is not valid")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return w.send(req)
}

func (w *Web) send(req *http.Request) (*answer, error) {
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "vedette")
	}
	if c := trace.From(req.Context()); c.Valid() {
		req.Header.Set(trace.Header, c.String())
	}
	res, err := w.Client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("reach %s: %s", req.URL.Host, w.hide(err.Error()))
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %s", req.URL.Host, w.hide(err.Error()))
	}
	return &answer{res.StatusCode, res.Header, text}, nil
}

// post sends a body of JSON, and says what the answer means.
func (w *Web) post(ctx context.Context, to string, header http.Header, body []byte) (*answer, error) {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	a, err := w.do(ctx, http.MethodPost, to, h, body)
	if err != nil {
		return nil, err
	}
	return a, w.judge(a)
}

// judge says what a status means: taken, refused for good, or to be tried again.
// What only a change of the configuration mends is tried again, since the event
// is not what is wrong.
func (w *Web) judge(a *answer) error {
	what := fmt.Sprintf("the target answered %d: %s", a.status, w.quote(a.body))
	switch a.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &publish.RefusedError{Reason: what}
	}
	switch {
	case a.status >= 200 && a.status < 300:
		return nil
	case a.status >= 300 && a.status < 400:
		return fmt.Errorf("the target answered %d: redirects are not followed; configure the URL that it names", a.status)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		what += "; see that the token or the URL is right"
	}
	err := errors.New(what)
	if after := w.retryAfter(a.header); after > 0 {
		return &publish.LaterError{After: after, Err: err}
	}
	return err
}

// retryAfter reads the header of that name: seconds, or a date.
func (w *Web) retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(w.Now()))
	}
	return 0
}

// quote is the beginning of an answer, fit for a log.
func (w *Web) quote(body []byte) string {
	return cut(w.hide(plain(string(body[:min(len(body), 4*maxQuoted)]))), maxQuoted)
}

// hide takes the secrets out of a text.
func (w *Web) hide(text string) string {
	for _, s := range w.Secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}
