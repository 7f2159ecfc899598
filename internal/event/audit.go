package event

import (
	"time"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Audit is one Kubernetes audit event (audit.k8s.io/v1 or v1beta1).
//
// The fields that most events are judged by are decoded; the rest stays as the
// JSON that was read and is decoded by the methods, when a detection asks.
type Audit struct {
	AuditID    string
	Stage      string // RequestReceived, ResponseStarted, ResponseComplete or Panic
	Level      string // Metadata, Request or RequestResponse
	RequestURI string
	Verb       string
	UserAgent  string
	User       User
	// Impersonated is who the user asked to be; its Username is empty otherwise.
	Impersonated User
	Object       ObjectRef
	// Code is the HTTP status, 0 when the stage has none yet.
	Code int
	// Received is when the request arrived, StageTime when this record was made.
	Received, StageTime time.Time

	SourceIPsJSON   []byte // array of strings: X-Forwarded-For, then the peer
	AnnotationsJSON []byte
	StatusJSON      []byte
	RequestObject   []byte // empty below level Request
	ResponseObject  []byte // empty below level RequestResponse
}

// User is an authenticated user, or system:anonymous. It is empty on a request
// that failed authentication.
type User struct {
	Username, UID string
	GroupsJSON    []byte
	ExtraJSON     []byte
}

// ObjectRef is the object a request was about; its Resource is empty for
// requests outside the API resources.
type ObjectRef struct {
	Resource, Subresource, Namespace, Name string
	UID, APIGroup, APIVersion              string
}

// SourceIPs decodes the addresses. The last one is the TCP peer; the ones
// before it came in a header that any client may forge.
func (a *Audit) SourceIPs() []string { return stringList(a.SourceIPsJSON) }

// Annotation returns one annotation, "" if it is not there.
func (a *Audit) Annotation(name string) string {
	n, _ := jsonscan.Parse(a.AnnotationsJSON)
	return n.Text(name)
}

// Groups decodes the user's groups.
func (u *User) Groups() []string { return stringList(u.GroupsJSON) }

// Extra returns the first value of an extra key of the user, with or without
// the prefix under which an authenticator may write it.
func (u *User) Extra(name string) string {
	if len(u.ExtraJSON) == 0 {
		return ""
	}
	n, _ := jsonscan.Parse(u.ExtraJSON)
	for _, prefix := range []string{"", "sigs.k8s.io/aws-iam-authenticator/", "iam.amazonaws.com/"} {
		if v := n.Strings(prefix + name); len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// ExtraAll returns all values of an extra key.
func (u *User) ExtraAll(name string) []string {
	n, _ := jsonscan.Parse(u.ExtraJSON)
	return n.Strings(name)
}

func stringList(b []byte) []string {
	n, _ := jsonscan.Parse(b)
	return n.Strings()
}

// Acting is the user whose rights the request used.
func (a *Audit) Acting() *User {
	if a.Impersonated.Username != "" {
		return &a.Impersonated
	}
	return &a.User
}

// Succeeded reports whether the API server did what was asked: any 2xx, and
// 101, with which exec, attach and port-forward start. The authorization
// annotation is no guide: a 403 may carry the decision "allow".
func (a *Audit) Succeeded() bool { return a.Code == 101 || a.Code >= 200 && a.Code < 300 }
