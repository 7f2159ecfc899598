package detect

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
)

// requestWho is who asked a Kubernetes API server.
type requestWho struct {
	Username     string          `json:"username"`
	UID          string          `json:"uid,omitempty"`
	Groups       json.RawMessage `json:"groups,omitempty"`
	Extra        json.RawMessage `json:"extra,omitempty"`
	Impersonated string          `json:"impersonated,omitempty"`
	UserAgent    string          `json:"userAgent,omitempty"`
}

// requestHow is what was asked.
type requestHow struct {
	how
	Verb        string `json:"verb"`
	Path        string `json:"path,omitempty"`
	APIGroup    string `json:"apiGroup,omitempty"`
	Resource    string `json:"resource,omitempty"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Code        int    `json:"code"`
	DryRun      bool   `json:"dryRun,omitempty"`
}

// maxIdentity is how many bytes of groups, and of what is extra, are remembered.
const maxIdentity = 2048

// rememberRequest remembers the public addresses of somebody who showed
// credentials to an API server.
func (e *Engine) rememberRequest(c *call, claims []*finding.Signal) {
	p, a := e.past(c.scope), c.a
	if p == nil || a.Code == 0 || a.User.Username == "" || a.User.Username == anonymousUser {
		return
	}
	ips := e.peers.of(e.opts.Intel, a.SourceIPsJSON).public
	if len(ips) == 0 { // from inside
		return
	}
	if c.path() == "" || isPublicPath(c) {
		return
	}
	said, o := told(claims), &a.Object
	how := requestHow{
		how: how{metByRequest, said}, Verb: a.Verb, APIGroup: o.APIGroup, Resource: o.Resource, Subresource: o.Subresource, Code: a.Code, DryRun: c.isDryRun(),
	}
	if o.Resource == "" {
		how.Path = short(c.path())
	}
	set, at := p.hour(c.time().Unix())
	for _, ip := range ips {
		key := append(p.key[:0], 'r')
		start := len(key)
		key = history.AppendAddr(key, ip)
		end := len(key)
		for _, text := range [...]string{a.User.Username, a.Impersonated.Username, how.Verb, how.Path, how.APIGroup, how.Resource, how.Subresource, strconv.Itoa(how.Code)} {
			key = append(append(key, text...), 0)
		}
		p.key = appendTold(append(key, byte(oneIf(how.DryRun))), said)
		thing := string(p.key[start:end])
		if set.Touch(p.key, at, 0) || !set.Room(thing, a.User.Username) {
			continue
		}
		how.Namespace = o.Namespace
		set.Add(p.key, a.User.Username, history.Contact{Thing: thing, Who: packed(requesterOf(a)), How: packed(how), First: at, Last: at, Count: 1})
	}
}

func requesterOf(a *event.Audit) requestWho {
	w := requestWho{Username: a.User.Username, UID: a.User.UID, Impersonated: a.Impersonated.Username, UserAgent: short(a.UserAgent)}
	if len(a.User.GroupsJSON) <= maxIdentity && json.Valid(a.User.GroupsJSON) {
		w.Groups = a.User.GroupsJSON
	}
	if len(a.User.ExtraJSON) <= maxIdentity && json.Valid(a.User.ExtraJSON) {
		w.Extra = a.User.ExtraJSON
	}
	return w
}

// recallRequest makes the claims that lists make of users of Kubernetes.
func (r *recall) recallRequest(ip netip.Addr, c *act) []*finding.Signal {
	var who requestWho
	var how requestHow
	if unpack(c.who, &who) != nil || unpack(c.how, &how) != nil {
		return nil
	}
	a := &event.Audit{
		Verb: how.Verb, RequestURI: how.Path, Code: how.Code, UserAgent: who.UserAgent, SourceIPsJSON: []byte(packed([]string{ip.String()})),
		User:         event.User{Username: who.Username, UID: who.UID, GroupsJSON: who.Groups, ExtraJSON: who.Extra},
		Impersonated: event.User{Username: who.Impersonated},
		Object:       event.ObjectRef{Resource: how.Resource, Subresource: how.Subresource, Namespace: how.Namespace, APIGroup: how.APIGroup},
		Received:     time.Unix(c.last, 0).UTC(),
	}
	if a.RequestURI == "" {
		a.RequestURI = requestPath(&how)
	}
	if how.DryRun {
		a.RequestURI += "?dryRun=All"
	}
	ev := &event.Event{Source: event.K8sAudit, Audit: a}
	if r.record(ev, c) == nil {
		return nil
	}
	return maliciousCaller(&call{ev: ev, a: a, scope: r.scope}, r.set, ip)
}

// requestPath is the path of a request without the name of an object.
func requestPath(h *requestHow) string {
	p := "/apis/" + h.APIGroup
	if h.APIGroup == "" {
		p = "/api/v1"
	}
	if h.Namespace != "" {
		p += "/namespaces/" + h.Namespace
	}
	return p + "/" + h.Resource
}
