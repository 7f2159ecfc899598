package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Client asks one API server. Files that lead to it (kubeconfig, authority,
// token, certificate) are read again when they change.
type Client struct {
	load func() (*entry, error)
	page int // objects of a list in one answer

	mu  sync.Mutex
	now *entry
	// stamp is how the files were when now was made of them.
	stamp string
	skew  time.Duration
}

// FieldManager is who the API server notes as the owner of what is applied.
const FieldManager = "vedette"

// Bounds of what is asked and answered.
const (
	askFor    = 30 * time.Second
	maxAnswer = 64 << 20
	pageSize  = 500
)

// current is the way to the API server by the files as they are now.
func (c *Client) current() (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && c.now.stamp() == c.stamp {
		return c.now, nil
	}
	e, err := c.load()
	if err != nil {
		return nil, err
	}
	if c.now != nil {
		c.now.http.CloseIdleConnections()
	}
	c.now, c.stamp = e, e.stamp()
	return e, nil
}

// request is one question.
type request struct {
	method string
	at     Path
	query  url.Values
	kind   string // Content-Type
	body   any
}

func (c *Client) do(ctx context.Context, r request, into any) error {
	e, err := c.current()
	if err != nil {
		return err
	}
	req, err := e.request(ctx, &r)
	if err != nil {
		return err
	}
	asked := time.Now()
	res, err := e.http.Do(req)
	if err != nil {
		return &UnreachableError{Server: e.server.String(), Err: inner(err)}
	}
	defer res.Body.Close()
	c.compare(asked, time.Now(), res.Header.Get("Date"))
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &UnreachableError{Server: e.server.String(), Err: err}
	case len(text) > maxAnswer:
		return fmt.Errorf("%s %s: the answer has more than %d bytes", r.method, r.at, maxAnswer)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return statusError(&r, res, text)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", r.method, r.at, err)
	}
	return nil
}

// compare notes how far the API server's clock is ahead of this machine's, by the
// Date of an answer, which was given at some moment between two.
func (c *Client) compare(from, to time.Time, date string) {
	told, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := max(told.Sub(to), 0) // Date has no fractions of a second
	if behind := from.Sub(told.Add(time.Second)); behind > 0 {
		skew = -behind
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = skew
}

// Skew is by how much, at the least, the API server's clock is ahead of this
// machine's, by its last answer; negative when it is behind.
func (c *Client) Skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew
}

// request makes the question for HTTP.
func (e *entry) request(ctx context.Context, r *request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	u := e.server.JoinPath(r.at.segments()...)
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "vedette")
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	token, err := e.credential()
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// inner is an error of HTTP without the URL, which who reports it names.
func inner(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Get reads one object.
func (c *Client) Get(ctx context.Context, at Path, into any) error {
	return c.do(ctx, request{method: http.MethodGet, at: at}, into)
}

// List reads a collection in pages, and hands each object to one.
func (c *Client) List(ctx context.Context, at Path, query url.Values, one func(json.RawMessage) error) error {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	q.Set("limit", strconv.Itoa(c.page))
	for {
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := c.do(ctx, request{method: http.MethodGet, at: at, query: q}, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := one(item); err != nil {
				return err
			}
		}
		if page.Metadata.Continue == "" {
			return nil
		}
		q.Set("continue", page.Metadata.Continue)
	}
}

// Apply makes an object, or changes it, by server-side apply: what is in body
// is Vedette's from then on, and what it left out since the last time is taken
// away. With force it takes over fields that somebody else set; without it that
// is a conflict.
func (c *Client) Apply(ctx context.Context, at Path, body any, force bool, into any) error {
	q := url.Values{"fieldManager": {FieldManager}}
	if force {
		q.Set("force", "true")
	}
	return c.do(ctx, request{method: http.MethodPatch, at: at, query: q, kind: "application/apply-patch+yaml", body: body}, into)
}

// Operation is one of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Patch changes an object by operations, all or none.
func (c *Client) Patch(ctx context.Context, at Path, ops []Operation, into any) error {
	q := url.Values{"fieldManager": {FieldManager}}
	return c.do(ctx, request{method: http.MethodPatch, at: at, query: q, kind: "application/json-patch+json", body: ops}, into)
}

// Delete removes the object with this UID, and what belongs to it.
func (c *Client) Delete(ctx context.Context, at Path, uid string) error {
	body := map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": map[string]any{"uid": uid}}
	return c.do(ctx, request{method: http.MethodDelete, at: at, kind: "application/json", body: body}, nil)
}
