package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// callError is what the API answered in place of a result.
type callError struct {
	Status  int
	Code    string // BadRequestException, AccessDeniedException, …
	Message string // for people
}

func (e *callError) Error() string { return e.Code + ": " + e.Message }

// call does an operation of the API as the visitor. path is escaped; body is sent as JSON, nil
// for none; the answer is decoded into the value that into points at, nil for
// none. A refusal is a *callError.
func (s *server) call(v *visit, method, path string, query url.Values, body, into any) error {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode %s: %w", path, err)
		}
	}
	ctx := s.As(v.r.Context(), v.key)
	at := path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	req.RemoteAddr = v.r.RemoteAddr // for the audit log
	rec := &answer{header: http.Header{}}
	s.API.ServeHTTP(rec, req)
	if rec.status >= 300 {
		e := &callError{Status: rec.status, Code: rec.header.Get("X-Amzn-Errortype")}
		var b struct{ Message string }
		_ = json.Unmarshal(rec.body.Bytes(), &b) // without a message the code says it
		e.Message = b.Message
		return e
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(rec.body.Bytes(), into); err != nil {
		return fmt.Errorf("decode the answer of %s: %w", path, err)
	}
	return nil
}

// detector is the id of the detector of the visitor's account; errNoDetector
// when there is none.
func (s *server) detector(v *visit) (string, error) {
	var out struct {
		DetectorIDs []string `json:"detectorIds"`
	}
	if err := s.call(v, http.MethodGet, "/detector", nil, nil, &out); err != nil {
		return "", err
	}
	if len(out.DetectorIDs) == 0 {
		return "", errNoDetector
	}
	return out.DetectorIDs[0], nil
}

var errNoDetector = errors.New("this account has no detector yet")

// list returns the ids of a page of findings that match, and the token of the
// next page.
func (s *server) list(v *visit, detector string, c finding.Criteria, sort finding.Sort, limit int, token string) (ids []string, next string, err error) {
	in := map[string]any{"maxResults": limit}
	if len(c) > 0 {
		text, err := finding.EncodeCriteria(c)
		if err != nil {
			return nil, "", err
		}
		in["findingCriteria"] = json.RawMessage(text)
	}
	if sort.Field != "" {
		order := "ASC"
		if sort.Descending {
			order = "DESC"
		}
		in["sortCriteria"] = map[string]string{"attributeName": sort.Field, "orderBy": order}
	}
	if token != "" {
		in["nextToken"] = token
	}
	var out struct {
		FindingIDs []string `json:"findingIds"`
		NextToken  string   `json:"nextToken"`
	}
	err = s.call(v, http.MethodPost, detectorPath(detector, "findings"), nil, in, &out)
	return out.FindingIDs, out.NextToken, err
}

// get returns findings by id, in the order of the ids. Those that went meanwhile are left out.
func (s *server) get(v *visit, detector string, ids []string) ([]*finding.Finding, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var out struct{ Findings []*finding.Finding }
	err := s.call(v, http.MethodPost, detectorPath(detector, "findings", "get"), nil, map[string]any{"findingIds": ids}, &out)
	return out.Findings, err
}

// detectorPath is the path of something of a detector.
func detectorPath(detector string, parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/detector/" + url.PathEscape(detector) + "/" + strings.Join(parts, "/")
}

// answer takes down what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// rawJSON is JSON that is put into a body as it is.
func rawJSON(text []byte) json.RawMessage { return json.RawMessage(text) }
