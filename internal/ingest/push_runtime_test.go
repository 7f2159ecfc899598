package ingest

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/event"
)

// TestPushRuntime: a sensor pushes lines, compressed as it does it; the path may
// name the cluster of records that do not.
func TestPushRuntime(t *testing.T) {
	const lines = `{"runtimeVersion":"1","kind":"fork"}` + "\n" + `{"runtimeVersion":"1","kind":"exit"}` + "\n"
	zw, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zipped := string(zw.EncodeAll([]byte(lines), nil))
	for path, cluster := range map[string]string{
		"/ingest/runtime": "own", "/ingest/runtime/prod": "prod", "/ingest/falco/prod": "prod", "/ingest/tetragon/prod": "prod", "/ingest/tracee/prod": "prod",
		"/ingest/falco": "own",
	} {
		s := &recordingSink{}
		h := NewPush(PushOptions{
			Sink: s, Scope: event.Scope{Account: "1", Region: "r"}, Cluster: "own", ValidCluster: func(n string) bool { return n != "bad!" }, MaxBody: 1 << 20,
			Authorize: func(*http.Request) error { return nil }, Now: func() time.Time { return time.Unix(7, 0) }, Log: slog.New(slog.DiscardHandler),
		})
		if w := do(h, "POST", path, "", "zstd", strings.NewReader(zipped)); w.Code != 200 || len(s.pushes) != 1 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		c := s.pushes[0].Chunk
		if c.Source != event.RuntimeEvents || c.Scope != (event.Scope{Account: "1", Region: "r", Cluster: cluster}) || string(c.Data) != lines || c.Records != nil || c.OneAccount || c.Stream != path {
			t.Errorf("%s: %+v", path, c)
		}
		if w := do(h, "GET", path, "", "", nil); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, w.Code)
		}
		s.result = Result{Malformed: 2, Detail: "no JSON"}
		if w := do(h, "POST", path, "", "", strings.NewReader("x")); w.Code != 400 || !strings.Contains(w.Body.String(), "no record of a sensor in the body: no JSON") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	s := &recordingSink{}
	if w := do(newTestPush(s), "POST", "/ingest/runtime/bad!", "good", "", strings.NewReader(lines)); w.Code != 400 || len(s.pushes) != 0 {
		t.Errorf("a name that is none: %d", w.Code)
	}
	if w := do(newTestPush(s), "POST", "/ingest/runtime", "", "", strings.NewReader(lines)); w.Code != 401 || len(s.pushes) != 0 {
		t.Errorf("without a token: %d", w.Code)
	}
}
