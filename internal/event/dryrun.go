package event

import (
	"net/url"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// DryRun reports whether the server was asked to change nothing, and heeds
// that. A delete takes its options from its body if it has one; what connects
// to something behind the API server, or asks a question, is done regardless.
func (a *Audit) DryRun() bool {
	switch a.Verb {
	case "create", "update", "patch":
	case "delete", "deletecollection":
		if len(a.RequestObject) > 0 {
			body, _ := jsonscan.Parse(a.RequestObject)
			return len(body.Strings("dryRun")) > 0
		}
	default:
		return false
	}
	return asksDryRun(a.RequestURI) && !a.Object.IsEphemeral()
}

func asksDryRun(uri string) bool {
	_, query, ok := strings.Cut(uri, "?")
	if !ok || !strings.Contains(query, "dryRun") && !strings.Contains(query, "%") {
		return false
	}
	q, _ := url.ParseQuery(query)
	return q.Has("dryRun") && q.Get("dryRun") != ""
}

// IsEphemeral reports whether a call on the resource stores nothing that a dry
// run could leave out: connections, tokens and the reviews of rights.
func (o *ObjectRef) IsEphemeral() bool {
	switch o.Subresource {
	case "exec", "attach", "portforward", "proxy", "token":
		return true
	}
	return o.APIGroup == "authorization.k8s.io" || o.APIGroup == "authentication.k8s.io"
}
