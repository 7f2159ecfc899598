package detect

import (
	"net/netip"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
)

// callWho is who called an API.
type callWho struct {
	Type        string `json:"type,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn,omitempty"`
	AccountID   string `json:"accountId,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	Role        string `json:"role,omitempty"` // the name of the issuer
	RoleARN     string `json:"roleArn,omitempty"`
	UserAgent   string `json:"userAgent,omitempty"`
}

// callHow is what was called.
type callHow struct {
	how
	Service    string `json:"service"`
	Name       string `json:"name"`
	EventType  string `json:"eventType,omitempty"`
	Category   string `json:"category,omitempty"`
	ReadOnly   bool   `json:"readOnly,omitempty"`
	Management bool   `json:"management,omitempty"`
	Error      string `json:"error,omitempty"`
	Bucket     string `json:"bucket,omitempty"`
}

// maxText bounds the texts of a caller's own that are remembered.
const maxText = 256

func short(s string) string { return s[:min(len(s), maxText)] }

// rememberCall remembers the address that an API was called from.
func (r *record) rememberCall(p *past) {
	c := &r.call
	if c.t == nil { // an insight
		return
	}
	ip := c.sourceAddr()
	if !ip.IsValid() || !isPublic(ip) || c.byService() || !c.identified() {
		return
	}
	t, said, bucket := c.t, told(r.out), ""
	if c.isS3Data() {
		bucket = c.bucket()
	}
	owner := c.principal()
	key := append(p.key[:0], 'c')
	start := len(key)
	key = history.AppendAddr(key, ip)
	end := len(key)
	for _, text := range [...]string{t.Service, t.Name, short(t.ErrorCode), bucket, owner} {
		key = append(append(key, text...), 0)
	}
	p.key = appendTold(append(key, byte(oneIf(t.ReadOnly))), said)
	set, at := p.hour(r.ev.Time.Unix())
	thing := string(p.key[start:end])
	if set.Touch(p.key, at, 0) || !set.Room(thing, owner) {
		return
	}
	id := &t.Identity
	who := callWho{
		Type: id.Type, PrincipalID: id.PrincipalID, ARN: id.ARN, AccountID: id.AccountID, AccessKeyID: id.AccessKeyID, UserName: id.UserName,
		Role: id.Issuer.UserName, RoleARN: id.Issuer.ARN, UserAgent: short(t.UserAgent),
	}
	set.Add(p.key, owner, history.Contact{
		Thing: thing, Who: packed(who), First: at, Last: at, Count: 1,
		How: packed(callHow{how{metByCall, said}, t.Service, t.Name, t.EventType, t.Category, t.ReadOnly, t.Management, short(t.ErrorCode), bucket}),
	})
}

// recallCall makes the claims that lists make of callers.
func (r *recall) recallCall(ip netip.Addr, a *act) []*finding.Signal {
	var who callWho
	var how callHow
	if unpack(a.who, &who) != nil || unpack(a.how, &how) != nil {
		return nil
	}
	t := &event.Trail{
		Name: how.Name, Service: how.Service, EventType: how.EventType, Category: how.Category, ReadOnly: how.ReadOnly, Management: how.Management,
		ErrorCode: how.Error, SourceIP: ip.String(), UserAgent: who.UserAgent,
		Identity: event.Identity{
			Type: who.Type, PrincipalID: who.PrincipalID, ARN: who.ARN, AccountID: who.AccountID, AccessKeyID: who.AccessKeyID, UserName: who.UserName,
			Issuer: event.Issuer{UserName: who.Role, ARN: who.RoleARN},
		},
	}
	if how.Bucket != "" {
		t.Request = []byte(packed(map[string]string{"bucketName": how.Bucket}))
	}
	if how.EventType == "AwsConsoleSignIn" { // of those only who came in is remembered
		t.Response = []byte(`{"ConsoleLogin":"Success"}`)
	}
	rec := r.record(&event.Event{Source: event.CloudTrail, Trail: t}, a)
	if rec == nil {
		return nil
	}
	opts := *rec.opts
	opts.Intel = r.set
	rec.opts = &opts
	rec.call = apiCall{record: rec, t: t}
	rec.call.listedAddress()
	return rec.out
}
