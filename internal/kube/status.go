package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// StatusError is an API server's refusal.
type StatusError struct {
	Code    int
	Reason  string // in one word, such as NotFound
	Message string
	// Verb and Path are what was asked, in the words of RBAC.
	Verb string
	Path Path
}

func (e *StatusError) Error() string {
	switch e.Code {
	case http.StatusForbidden:
		return fmt.Sprintf("the API server forbids it, the right to %s %s is missing: %s", e.Verb, e.Path, e.Message)
	case http.StatusUnauthorized:
		return "the API server does not accept the credentials: the token or certificate is wrong or too old"
	case http.StatusNotFound:
		return fmt.Sprintf("%s: not found: %s", e.Path, e.Message)
	}
	return fmt.Sprintf("%s %s: the API server answers %d: %s", e.Verb, e.Path, e.Code, e.Message)
}

// UnreachableError says that there was no answer.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the API server %s cannot be reached: %v", e.Server, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// IsNotFound, IsConflict and IsForbidden tell what an API server refused for.
func IsNotFound(err error) bool { return hasCode(err, http.StatusNotFound) }

// IsConflict reports that somebody else changed or holds the object.
func IsConflict(err error) bool { return hasCode(err, http.StatusConflict) }

// IsForbidden reports that a right is missing.
func IsForbidden(err error) bool { return hasCode(err, http.StatusForbidden) }

func hasCode(err error, code int) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == code
}

// maxMessage bounds what is kept of a message that others wrote.
const maxMessage = 500

func statusError(r *request, res *http.Response, text []byte) error {
	e := &StatusError{Code: res.StatusCode, Verb: verb(r), Path: r.at}
	e.Reason, e.Message = readStatus(text)
	if e.Message == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	return e
}

// readStatus reads the Status object of a refusal; what is none gives nothing.
func readStatus(text []byte) (reason, message string) {
	var s struct {
		Kind, Reason, Message string
	}
	if json.Unmarshal(text, &s) != nil || s.Kind != "Status" {
		return "", ""
	}
	return Plain(s.Reason, 50), Plain(s.Message, maxMessage)
}

// Plain is a text that others wrote, on one line and bounded.
func Plain(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// verb is what RBAC calls the question.
func verb(r *request) string {
	switch r.method {
	case http.MethodGet:
		if r.at.Name == "" {
			return "list"
		}
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodPatch:
		return "patch (and create)"
	}
	return strings.ToLower(r.method)
}
