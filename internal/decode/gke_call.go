package decode

import (
	"bytes"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// cloudAuditLog is google.cloud.audit.AuditLog, as its JSON has it. It tells a
// call to an API server by names of Google's own; groups of the user, the
// request's path and query, and the HTTP status are not in it.
type cloudAuditLog struct {
	service, method, resource string
	user, subject             string // principalEmail, principalSubject
	agent                     string
	caller                    []byte // callerIp, as JSON
	request, response         []byte
	code                      int // of gRPC
	message                   []byte
	refused, granted          bool // what authorizationInfo says
}

func (p *cloudAuditLog) read(b []byte) error {
	s := jsonscan.Scanner{Data: b}
	return members(&s, "protoPayload", func(key []byte) (err error) {
		switch string(key) {
		case "serviceName":
			return text(&s, key, &p.service)
		case "methodName":
			return text(&s, key, &p.method)
		case "resourceName":
			return text(&s, key, &p.resource)
		case "request":
			p.request, err = s.Skip()
		case "response":
			p.response, err = s.Skip()
		case "status":
			return p.readStatus(&s)
		case "authenticationInfo":
			return p.readUser(&s)
		case "requestMetadata":
			return p.readCaller(&s)
		case "authorizationInfo":
			var raw []byte
			raw, err = s.Skip()
			p.readGrants(raw)
		default:
			_, err = s.Skip()
		}
		return err
	})
}

func (p *cloudAuditLog) readStatus(s *jsonscan.Scanner) error {
	return members(s, "status", func(key []byte) (err error) {
		switch string(key) {
		case "code":
			if p.code, err = s.Int(); err == jsonscan.ErrSyntax {
				return malformed(event.ReasonBadField, "protoPayload.status.code is not a number")
			}
		case "message":
			p.message, err = s.Skip()
		default:
			_, err = s.Skip()
		}
		return err
	})
}

func (p *cloudAuditLog) readUser(s *jsonscan.Scanner) error {
	return members(s, "authenticationInfo", func(key []byte) (err error) {
		switch string(key) {
		case "principalEmail":
			return text(s, key, &p.user)
		case "principalSubject":
			return text(s, key, &p.subject)
		}
		_, err = s.Skip()
		return err
	})
}

func (p *cloudAuditLog) readCaller(s *jsonscan.Scanner) error {
	return members(s, "requestMetadata", func(key []byte) (err error) {
		switch string(key) {
		case "callerIp":
			p.caller, err = s.Skip()
		case "callerSuppliedUserAgent":
			return text(s, key, &p.agent)
		default:
			_, err = s.Skip()
		}
		return err
	})
}

// readGrants notes whether a right was refused; false is written out, or left out.
func (p *cloudAuditLog) readGrants(raw []byte) {
	n, _ := jsonscan.Parse(raw)
	for _, right := range n.Items() {
		p.granted = p.granted || right.True("granted")
		p.refused = p.refused || right.Has("granted") && !right.True("granted")
	}
}

// fill writes the call into an audit event.
func (p *cloudAuditLog) fill(a *event.Audit, e *logEntry) {
	e.identify(a)
	a.User.Username, a.UserAgent, a.AnnotationsJSON = p.user, p.agent, e.labels
	if a.User.Username == "" {
		a.User.Username = p.subject
	}
	if len(p.caller) > 2 && p.caller[0] == '"' {
		a.SourceIPsJSON = bytes.Join([][]byte{{'['}, p.caller, {']'}}, nil)
	}
	a.Verb, a.RequestURI = callOf(p.method, p.resource, &a.Object)
	if bytes.Contains(e.labels, []byte(dryRunLabel)) {
		if n, _ := jsonscan.Parse(e.labels); n.Text(dryRunLabel) != "" {
			a.RequestURI += "?dryRun=All"
		}
	}
	p.fillBodies(a)
	p.fillStatus(a)
}

// dryRunLabel is set on a call that asked the server to change nothing.
const dryRunLabel = "command.gke.io/dryRun"
