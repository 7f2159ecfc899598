package api

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// maxAudited bounds what the audit log keeps of a request's body, in bytes.
const maxAudited = 2 << 10

// run runs a handler. Of a change, an entry of the audit log is durable before
// it begins; should the process die then, the entry has no status, and says so.
func (s *server) run(ctx context.Context, c *call, h handler) (any, error) {
	if c.op.right == access.RightRead {
		return h(ctx, c)
	}
	e := s.entry(c)
	n, err := s.Store.BeginAudit(ctx, e)
	if err != nil {
		return nil, err
	}
	v, err := h(ctx, c)
	s.endAudit(ctx, c, n, e, err)
	return v, err
}

// refused notes a change that the caller may not make.
func (s *server) refused(ctx context.Context, c *call, refusal error) {
	if c.op.right == access.RightRead {
		return
	}
	e := s.entry(c)
	p := publicError(refusal)
	e.Status, e.Code = p.status, p.code
	if _, err := s.Store.BeginAudit(ctx, e); err != nil {
		c.log.ErrorContext(ctx, "a refused call could not be written to the audit log", "error", err)
	}
}

func (s *server) endAudit(ctx context.Context, c *call, n int64, e store.AuditEntry, outcome error) {
	e.Status = c.op.status
	if outcome != nil {
		p := publicError(outcome)
		e.Status, e.Code = p.status, p.code
	}
	// Who hangs up shall not leave an entry open.
	if err := s.Store.EndAudit(context.WithoutCancel(ctx), n, e); err != nil {
		c.log.ErrorContext(ctx, "the end of a call could not be written to the audit log", "entry", n, "error", err)
	}
}

func (s *server) entry(c *call) store.AuditEntry {
	from := c.r.RemoteAddr
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	return store.AuditEntry{
		At: s.Now().UTC(), Actor: c.key.ID, Role: string(c.key.Role), Account: c.account,
		Operation: c.op.name, Target: clip(strings.ToValidUTF8(auditedTarget(c.r.URL), "?")), Request: audited(c.body),
		RequestID: c.id, Source: from,
	}
}

// auditedTarget is a request's path with what of its query says which change it
// is. The rest may be anything, such as what proves somebody else who he is.
func auditedTarget(u *url.URL) string {
	target := u.EscapedPath()
	if keys := u.Query()["tagKeys"]; len(keys) > 0 {
		target += "?" + url.Values{"tagKeys": keys}.Encode()
	}
	return target
}

// audited is a request's body as the log keeps it: without what only the
// protocol needs, and without what may hold a secret.
func audited(body object) string {
	members := map[string]json.RawMessage{}
	for k, v := range body.members {
		switch k {
		case "clientToken", "nextToken":
		case "destinationProperties", "location": // a URL may carry a password
			members[k] = json.RawMessage(`"(not kept)"`)
		default:
			members[k] = v
		}
	}
	if len(members) == 0 {
		return ""
	}
	text, err := encode(members)
	if err != nil { // it was JSON when it came
		return ""
	}
	return clip(string(text))
}

// clip shortens a text to what is kept of it.
func clip(s string) string {
	if len(s) <= maxAudited {
		return s
	}
	return strings.ToValidUTF8(s[:maxAudited], "") + "…"
}

// admit checks that the caller may make this call: by its role, by whose the
// detector is, and by what only the administrator may do.
func (s *server) admit(ctx context.Context, c *call) error {
	err := s.mayCall(ctx, c)
	if err == nil {
		return c.showToken()
	}
	if p := publicError(err); p.status < http.StatusInternalServerError {
		s.refused(ctx, c, err)
	}
	return err
}
