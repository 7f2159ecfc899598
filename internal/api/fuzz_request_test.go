package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// FuzzRequest: whatever an admin sends, to whatever path, gets an answer of the
// API: JSON, never an internal error, with a code wherever it is a refusal.
func FuzzRequest(f *testing.F) {
	const account, region = "111122223333", "eu-central-1"
	st, err := store.Open(f.Context(), filepath.Join(f.TempDir(), "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	defer st.Close()
	detector := finding.DetectorID(account, region)
	if err := st.CreateDetector(f.Context(), finding.Detector{ID: detector, Account: account, Region: region, Enabled: true}); err != nil {
		f.Fatal(err)
	}
	arn := url.PathEscape(finding.DetectorARN(account, region, detector))
	for _, op := range operations() {
		path := strings.NewReplacer("{DetectorId}", detector, "{ResourceArn}", arn, "{", "", "}", "").Replace(op.path)
		f.Add(op.method, path, "maxResults=1&nextToken=x&tagKeys=a&adminAccountId=222222222222", `{"enable":true,"name":"abc","accountIds":["222222222222"],"findingIds":["a"],"tags":{"a":"b"},"findingCriteria":{"criterion":{"type":{"equals":["x"]}}}}`)
	}
	f.Add("POST", "/tags/"+arn+"%2FpublishingDestination%2F%00", "", `{"tags":{"a":"b"}}`)
	f.Add("GET", "/tags/arn:aws:guardduty:::", "", "")
	f.Add("DELETE", "/tags/"+arn+"%2Ffilter%2F..%2F..", "tagKeys=%ff&tagKeys=", "")
	f.Add("HEAD", "//detector/../detector", "a=%zz", "{")
	var log bytes.Buffer
	h := New(Options{
		Store: st, Account: account, Region: region, Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		u, err := url.Parse("http://h/" + strings.TrimPrefix(path, "/"))
		if err != nil || strings.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) || method == "" {
			return // the server of HTTP refuses it
		}
		u.RawQuery, u.Fragment = query, ""
		r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
		r.Method, r.URL, r.RequestURI = method, u, u.RequestURI()
		log.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(As(t.Context(), access.Key{ID: "fuzz", Secret: "s", Role: access.RoleAdmin})))
		if w.Code >= 500 {
			t.Errorf("%s %s?%s %q: %d\n%s", method, path, query, body, w.Code, log.String())
		}
		if text := w.Body.Bytes(); len(text) > 0 && !json.Valid(text) {
			t.Errorf("%s %s: the answer is %q", method, path, text)
		}
		if w.Code >= 300 && w.Header().Get("X-Amzn-Errortype") == "" {
			t.Errorf("%s %s: %d without a code", method, path, w.Code)
		}
	})
}
