package push

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPositions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	p, err := openPositions(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := p.get(t.Context(), "a"); b != nil || err != nil {
		t.Fatal(b, err)
	}
	for _, name := range []string{"a", "b"} {
		if err := p.put(name, []byte(`{"offset":1,"of":"`+name+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if p, err = openPositions(dir); err != nil {
		t.Fatal(err)
	}
	if b, _ := p.get(t.Context(), "b"); string(b) != `{"offset":1,"of":"b"}` {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{"", "null", "torn{", `["a"]`} {
		if err := os.WriteFile(filepath.Join(dir, positionsFile), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openPositions(dir); err == nil || !strings.Contains(err.Error(), "remove it to send the logs from their beginning") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestFollowKeepsNoPositionBefore: the position moves behind what was answered
// 200, and no further.
func TestFollowKeepsNoPositionBefore(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(*http.Request) int { return http.StatusUnauthorized })
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	text := strings.Join(auditLines(0, 5), "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	offset := func() (n int64) {
		var all map[string]struct{ Offset int64 }
		b, err := os.ReadFile(filepath.Join(dir, "data", positionsFile))
		if err == nil && json.Unmarshal(b, &all) == nil {
			n = all["follow:"+path].Offset
		}
		return n
	}
	ended := make(chan Summary, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		sum, err := Follow(ctx, FollowOptions{
			Options: Options{URL: u, Cluster: "prod", Log: slog.New(slog.DiscardHandler)}, Paths: []string{path}, Dir: filepath.Join(dir, "data"), Poll: time.Millisecond,
		})
		if err != nil {
			t.Error(err)
		}
		ended <- sum
	}()
	time.Sleep(300 * time.Millisecond) // some attempts
	if n := offset(); n != 0 {
		t.Errorf("position %d of what nobody has", n)
	}
	r.answers(nil)
	for end := time.Now().Add(20 * time.Second); offset() != int64(len(text)); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("position %d of %d", offset(), len(text))
		}
	}
	cancel()
	if sum := <-ended; sum.Sent != 5 || sum.Unsent != 0 || sum.Retries == 0 || sum.Files != 1 {
		t.Errorf("%+v", sum)
	}
	if got, _ := r.got(); len(got) != 5 {
		t.Errorf("%d records", len(got))
	}
}
