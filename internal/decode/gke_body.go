package decode

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// unreadable stands for a body that was sent and that the log does not show.
const unreadable = " "

// fillBodies takes over what was sent and what was answered. A JSON patch is a
// list, which Google's type for bodies cannot be: it is what stands in the
// body beside the type's name, if anything does.
func (p *cloudAuditLog) fillBodies(a *event.Audit) {
	a.Level = "Metadata"
	if len(p.request) > 2 && p.request[0] == '{' {
		a.Level, a.RequestObject = "Request", p.request
		if a.Verb == "patch" {
			a.RequestObject = patchOf(p.request)
		}
	}
	if len(p.response) > 2 && p.response[0] == '{' {
		a.Level, a.ResponseObject = "RequestResponse", p.response
		if typ, kind := kindOf(p.response); typ == "Status" && kind == "" {
			a.ResponseObject = nil // without its kind it would pass for the object
		}
	}
}

// patchOf is the patch in a body.
func patchOf(body []byte) []byte {
	s := jsonscan.Scanner{Data: body}
	var only []byte
	others := 0
	err := members(&s, "request", func(key []byte) error {
		v, err := s.Skip()
		if string(key) != "@type" {
			only = v
			others++
		}
		return err
	})
	switch {
	case err != nil || others == 0:
		return []byte(unreadable)
	case others == 1 && isJSONPatch(only):
		return only
	}
	return body
}

// isJSONPatch reports whether a value is a list of operations of RFC 6902, and
// not a member of an object that is merged.
func isJSONPatch(v []byte) bool {
	if len(v) == 0 || v[0] != '[' {
		return false
	}
	n, _ := jsonscan.Parse(v)
	for _, op := range n.Items() {
		if !op.Has("op") || !op.Has("path") {
			return false
		}
	}
	return len(n.Items()) > 0
}

// kindOf is the last part of a body's @type, such as Pod of core.k8s.io/v1.Pod,
// and its kind.
func kindOf(body []byte) (typ, kind string) {
	s := jsonscan.Scanner{Data: body}
	_ = members(&s, "body", func(key []byte) error { // of a broken one, what there is
		v, err := s.Skip()
		switch string(key) {
		case "@type":
			typ = unquote(v)
		case "kind":
			kind = unquote(v)
		}
		return err
	})
	return typ[strings.LastIndexByte(typ, '.')+1:], kind
}

// fillStatus works out the HTTP status. Google keeps the code of gRPC that
// comes nearest; the answer of a refused call is a Status with the true one.
func (p *cloudAuditLog) fillStatus(a *event.Audit) {
	switch {
	case p.code != 0:
		a.Code = httpOf(p.code)
		if typ, _ := kindOf(p.response); typ == "Status" {
			n, _ := jsonscan.Parse(p.response)
			if code := n.Int("code"); code >= 100 && code < 600 {
				a.Code = int(code)
			}
		}
	case p.refused && !p.granted:
		a.Code = 403
	case a.Object.Subresource == "exec", a.Object.Subresource == "attach", a.Object.Subresource == "portforward":
		a.Code = 101
	case a.Verb == "create" && a.Object.Subresource == "", a.Verb == "patch" && madeNow(a.ResponseObject, a.StageTime):
		a.Code = 201
	default:
		a.Code = 200
	}
	status := append([]byte(`{"code":`), strconv.Itoa(a.Code)...)
	if len(p.message) > 2 {
		status = append(append(status, `,"message":`...), p.message...)
	}
	a.StatusJSON = append(status, '}')
}

// madeNow reports whether an object was made by the call that it answers: a
// server-side apply makes what is not there. Objects carry whole seconds.
func madeNow(body []byte, at time.Time) bool {
	if !bytes.Contains(body, []byte("creationTimestamp")) {
		return false
	}
	n, _ := jsonscan.Parse(body)
	made, err := time.Parse(time.RFC3339, n.Text("metadata", "creationTimestamp"))
	return err == nil && !made.Before(at.Truncate(time.Second).Add(-time.Second))
}

// httpOf is the HTTP status that google.rpc.Code names for a code; a code that
// it does not know is a failure of the server.
func httpOf(code int) int {
	codes := [...]int{0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401}
	if code < 0 || code >= len(codes) {
		return 500
	}
	return codes[code]
}
