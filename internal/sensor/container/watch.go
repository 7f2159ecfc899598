package container

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/kube/incluster"
)

// API says how to reach the API server.
type API struct {
	Server    string // https://host:port
	TokenFile string // read anew for each call: tokens are renewed
	CAFile    string // "": the system's
	Node      string // whose pods
}

// InCluster is the API server that Kubernetes tells every pod of.
func InCluster(node string, getenv func(string) string) (API, bool) {
	s, ok := incluster.Find(getenv)
	return API{Server: s.URL, TokenFile: s.TokenFile, CAFile: s.CAFile, Node: node}, ok
}

var (
	errNotYet = errors.New("the API server has not answered yet")
	// errGone says that the watch cannot go on from where it was.
	errGone = errors.New("the API server has forgotten the version that was watched from")
)

// forbidden says that the sensor may not look at something.
type forbidden struct{ what, status string }

func (f *forbidden) Error() string {
	return fmt.Sprintf("the API server does not let the sensor read %s (%s): grant its service account get, list and watch on pods and get on nodes", f.what, f.status)
}

const (
	maxObject   = 4 << 20 // the API server stores none above 1.5 MiB
	pageSize    = 200
	watchFor    = 5 * time.Minute
	callFor     = 30 * time.Second
	minBackoff  = time.Second
	maxBackoff  = time.Minute
	deniedPause = 5 * time.Minute
)

// Watcher keeps a cache of this node's pods: one list, then one watch.
type Watcher struct {
	api    API
	client *http.Client
	pods   *Pods
	log    *slog.Logger
	wait   func(ctx context.Context, d time.Duration) error
}

// NewWatcher makes a watcher that fills pods.
func NewWatcher(api API, pods *Pods, log *slog.Logger) (*Watcher, error) {
	u, err := url.Parse(api.Server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("API server %q: want a URL such as https://10.96.0.1:443", api.Server)
	}
	if api.Node == "" {
		return nil, errors.New("the name of the node is needed to watch its pods")
	}
	t := &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: callFor, IdleConnTimeout: 2 * watchFor, MaxIdleConns: 2,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	if api.CAFile != "" {
		pem, err := os.ReadFile(api.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the API server's CA: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", api.CAFile)
		}
	}
	// A redirect would carry the token elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Watcher{api: api, client: &http.Client{Transport: t, CheckRedirect: stay}, pods: pods, log: log, wait: sleep}, nil
}

// sleep waits, or less when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Run keeps the cache current until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	backoff := minBackoff
	for ctx.Err() == nil {
		version, err := w.list(ctx)
		for err == nil {
			w.pods.setState(nil)
			backoff = minBackoff
			began := time.Now()
			version, err = w.watch(ctx, version)
			if err == nil && time.Since(began) < minBackoff { // something ends our watches at once
				err = w.wait(ctx, minBackoff)
			}
		}
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errGone) {
			continue // what a watch must expect; the list says it all again
		}
		w.pods.setState(err)
		pause := backoff/2 + rand.N(backoff/2)
		if denied := (*forbidden)(nil); errors.As(err, &denied) {
			pause = deniedPause
		}
		w.log.Warn("pods are not told about", "err", err, "again_in", pause.Round(time.Millisecond))
		backoff = min(2*backoff, maxBackoff)
		if w.wait(ctx, pause) != nil {
			return
		}
	}
}

// list reads all pods of the node and says from where to watch.
func (w *Watcher) list(ctx context.Context) (version string, err error) {
	seen := map[string]bool{}
	for next := ""; ; {
		q := w.query()
		q.Set("limit", fmt.Sprint(pageSize))
		if next != "" {
			q.Set("continue", next)
		}
		var page struct {
			Metadata struct{ ResourceVersion, Continue string }
			Items    []json.RawMessage
		}
		if err := w.get(ctx, "pods", "/api/v1/pods?"+q.Encode(), pageSize*maxObject/16, &page); err != nil {
			return "", err
		}
		for _, item := range page.Items {
			info, err := parsePod(item)
			if err != nil {
				continue // one pod that cannot be read takes nothing from the others
			}
			seen[info.Pod.UID] = true
			w.pods.put(info)
		}
		if next = page.Metadata.Continue; next == "" || len(seen) >= maxPods {
			w.pods.keep(seen)
			return page.Metadata.ResourceVersion, nil
		}
	}
}

func (w *Watcher) query() url.Values {
	return url.Values{"fieldSelector": {"spec.nodeName=" + w.api.Node}}
}

// watch follows the changes until the server ends the call, as it does every
// few minutes, and says from where to go on.
func (w *Watcher) watch(ctx context.Context, version string) (string, error) {
	// A connection that is dead without a sign must not be waited for.
	ctx, cancel := context.WithTimeout(ctx, watchFor+callFor)
	defer cancel()
	q := w.query()
	q.Set("watch", "1")
	q.Set("allowWatchBookmarks", "true")
	q.Set("resourceVersion", version)
	q.Set("timeoutSeconds", fmt.Sprint(int(watchFor.Seconds())))
	resp, err := w.call(ctx, "pods", "/api/v1/pods?"+q.Encode())
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxObject)
	for lines.Scan() {
		next, err := w.change(lines.Bytes())
		if err != nil {
			return "", err
		}
		version = first(next, version)
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("watch pods: %w", err)
	}
	return version, nil
}

// change takes one change in.
func (w *Watcher) change(line []byte) (version string, err error) {
	var c struct {
		Type   string
		Object json.RawMessage
	}
	if err := json.Unmarshal(line, &c); err != nil {
		return "", fmt.Errorf("watch pods: %w", err)
	}
	switch c.Type {
	case "ADDED", "MODIFIED", "DELETED":
		info, err := parsePod(c.Object)
		if err != nil {
			return "", nil
		}
		w.pods.put(info)
		if c.Type == "DELETED" {
			w.pods.end(info.Pod.UID)
		}
		return info.version, nil
	case "BOOKMARK":
		var o struct {
			Metadata struct{ ResourceVersion string }
		}
		err := json.Unmarshal(c.Object, &o)
		return o.Metadata.ResourceVersion, err
	case "ERROR":
		var status struct {
			Code    int
			Message string
		}
		_ = json.Unmarshal(c.Object, &status)
		if status.Code == http.StatusGone {
			return "", errGone
		}
		return "", fmt.Errorf("watch pods: the API server says %d: %s", status.Code, status.Message)
	}
	return "", nil
}

// Node reads the node's own object.
func (w *Watcher) Node(ctx context.Context, node *event.Node) error {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	var raw json.RawMessage
	if err := w.get(ctx, "nodes", "/api/v1/nodes/"+url.PathEscape(w.api.Node), maxObject, &raw); err != nil {
		return err
	}
	return parseNode(raw, node)
}

func (w *Watcher) get(ctx context.Context, what, path string, most int64, to any) error {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	resp, err := w.call(ctx, what, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(to); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// call makes a request and turns every answer but 200 into an error.
func (w *Watcher) call(ctx context.Context, what, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.api.Server, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "vedette-sensor")
	if w.api.TokenFile != "" {
		token, err := os.ReadFile(w.api.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read the token for the API server: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp, nil
	case http.StatusGone:
		err = errGone
	case http.StatusUnauthorized, http.StatusForbidden:
		err = &forbidden{what, resp.Status}
	default:
		err = fmt.Errorf("read %s: the API server answers %s", what, resp.Status)
	}
	resp.Body.Close()
	return nil, err
}
