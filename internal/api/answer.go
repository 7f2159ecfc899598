package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
)

// requestID draws a random UUID (version 4).
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// write sends the result of a call that went well.
func (s *server) write(w http.ResponseWriter, r *http.Request, c *call) {
	c.log.DebugContext(r.Context(), "api call answered", "status", c.op.status)
	if c.op.status == http.StatusNoContent {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if c.value == nil {
		c.value = struct{}{}
	}
	text, err := encode(c.value)
	if err == nil {
		text, err = c.hideToken(text)
	}
	if err != nil {
		s.writeError(w, r, c, fmt.Errorf("encode the answer of %s: %w", c.op.name, err))
		return
	}
	send(w, c.op.status, text)
}

// writeError sends a refusal, or hides a fault of ours behind a 500 and logs it.
func (s *server) writeError(w http.ResponseWriter, r *http.Request, c *call, err error) {
	e := publicError(err)
	switch {
	case e.status < http.StatusInternalServerError:
		c.log.InfoContext(r.Context(), "api call refused", "status", e.status, "code", e.code, "reason", e.message)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // the caller went away
		c.log.InfoContext(r.Context(), "api call abandoned by the caller")
	default:
		c.log.ErrorContext(r.Context(), "api call failed", "error", err)
	}
	w.Header().Set("X-Amzn-Errortype", e.code)
	text, _ := encode(map[string]string{"message": e.message, "type": e.kind, "__type": e.code}) // strings only: cannot fail
	send(w, e.status, text)
}

// publicError is what the caller may know of an error.
func publicError(err error) *apiError {
	if e := (*apiError)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*access.Error)(nil); errors.As(err, &e) {
		return &apiError{e.Status, e.Code, e.Code, e.Message}
	}
	if e := (*finding.CriteriaError)(nil); errors.As(err, &e) {
		return badCriteria(e)
	}
	if errors.Is(err, finding.ErrBadToken) {
		return badParam("nextToken", "is not a token of this query")
	}
	return errInternal()
}

// encode writes JSON without the HTML escapes that would only make titles
// and user agents harder to read in a terminal.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func send(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a caller that hung up is no fault of ours
}
