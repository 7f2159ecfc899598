package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// auditEvent has the members of an audit event in the order in which the API server
// writes them.
type auditEvent struct {
	Kind            string            `json:"kind"`
	APIVersion      string            `json:"apiVersion"`
	Level           string            `json:"level"`
	AuditID         string            `json:"auditID"`
	Stage           string            `json:"stage"`
	RequestURI      string            `json:"requestURI"`
	Verb            string            `json:"verb"`
	User            user              `json:"user"`
	SourceIPs       []string          `json:"sourceIPs"`
	UserAgent       string            `json:"userAgent"`
	ObjectRef       *objectRef        `json:"objectRef,omitempty"`
	ResponseStatus  status            `json:"responseStatus"`
	RequestObject   any               `json:"requestObject,omitempty"`
	ResponseObject  any               `json:"responseObject,omitempty"`
	RequestReceived string            `json:"requestReceivedTimestamp"`
	StageTimestamp  string            `json:"stageTimestamp"`
	Annotations     map[string]string `json:"annotations"`
}

type user struct {
	Username string              `json:"username"`
	UID      string              `json:"uid,omitempty"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra,omitempty"`
}

type objectRef struct {
	Resource    string `json:"resource"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	APIGroup    string `json:"apiGroup,omitempty"`
	APIVersion  string `json:"apiVersion"`
	Subresource string `json:"subresource,omitempty"`
}

type status struct {
	Metadata struct{} `json:"metadata"`
	Code     int      `json:"code"`
}

type object = map[string]any

// call is what differs from one simulated request to the next.
type call struct {
	level, stage string // default: RequestResponse, ResponseComplete
	verb, uri    string
	from         string // default: an address that nobody lists
	agent        string // default: kubectl
	who          user
	ref          *objectRef
	code         int
	request      any
	response     any
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

// line renders the n-th call of a type as one line of an audit log. The same
// type, number and time give the same line.
func (c call) line(typ string, n int, at time.Time) (string, error) {
	at = at.UTC().Add(time.Duration(n) * 700 * time.Millisecond)
	id := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", typ, n, at.UnixMicro()))
	e := auditEvent{
		Kind: "Event", APIVersion: "audit.k8s.io/v1",
		Level: cmp.Or(c.level, "RequestResponse"), Stage: cmp.Or(c.stage, "ResponseComplete"),
		AuditID:    uuid(id[:]),
		RequestURI: c.uri, Verb: c.verb, User: c.who,
		SourceIPs: []string{cmp.Or(c.from, "203.0.113.7")}, UserAgent: cmp.Or(c.agent, "kubectl/v1.34.4 (linux/amd64) kubernetes/d1f4b2e"),
		ObjectRef: c.ref, ResponseStatus: status{Code: c.code}, RequestObject: c.request, ResponseObject: c.response,
		RequestReceived: at.Format(timeLayout), StageTimestamp: at.Add(8 * time.Millisecond).Format(timeLayout),
		Annotations: map[string]string{"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""},
	}
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write a record of %s: %w", typ, err)
	}
	return string(b), nil
}
