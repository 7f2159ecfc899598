package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// catalogRule is one signal of the Custom Detection Rules catalogue: a
// predicate over one call. AWS leaves it to each account to switch them on;
// here all are on, and any can be switched off by its name.
type catalogRule struct {
	name     string // customDetectionRuleName
	typ      string
	severity float64
	service  string
	calls    string // names
	attempt  bool   // calls that failed count, too
	check    func(*apiCall) (hit, bool)
}

// RuleNames lists the rules of the catalogue, by which they can be switched off.
func RuleNames() []string {
	var out []string
	for _, c := range catalogRules() {
		out = append(out, c.name)
	}
	slices.Sort(out)
	return out
}

// hit is what a rule found.
type hit struct {
	did      string // the sentence after who did it
	why      string
	resource finding.ResourceV2 // what it was done to
}

// catalogRules lists the rules, a service a file.
func catalogRules() []catalogRule {
	var out []catalogRule
	for _, list := range [][]catalogRule{ec2Rules(), iamRules(), dataRules(), otherRules()} {
		out = append(out, list...)
	}
	return out
}

func (k catalogRule) judge(c *apiCall) {
	if !k.attempt && !c.t.Succeeded() || c.byLinkedRole() {
		return
	}
	h, ok := k.check(c)
	if !ok {
		return
	}
	s := c.claimCall(k.typ, c.principal())
	s.Severity, s.Rule = k.severity, k.name
	text := catalogTexts()[k.name]
	s.Title = text.title
	s.Description = c.who() + " " + h.did + c.outcome() + ". " + text.matters
	if from := c.from(); from != "" {
		s.Description = c.who() + ", calling" + from + ", " + h.did + c.outcome() + ". " + text.matters
	}
	s.Why = shown(c.t.Name) + " " + map[bool]string{true: "was called", false: "succeeded"}[k.attempt] + "; " + h.why
	s.Detection = &finding.Detection{Sequence: c.sequence(k, h, s)}
	c.raise(s)
}

// sequence tells what happened in the form that AWS uses for these rules: one
// signal, who did it, from where, and to what.
func (c *apiCall) sequence(k catalogRule, h hit, s *finding.Signal) *finding.Sequence {
	id, at := &c.t.Identity, &finding.Epoch{Time: c.ev.Time}
	key := s.Resource.AccessKeyDetails
	caller := finding.ResourceV2{
		UID: cmp.Or(s.Actor.PrincipalARN, key.PrincipalID), ResourceType: "ACCESS_KEY", Name: key.AccessKeyID, AccountID: s.Account, Region: s.Region,
		Service: "iam", CloudPartition: finding.Partition(s.Region),
		Data: &finding.ResourceData{AccessKey: &finding.AccessKey{PrincipalID: key.PrincipalID, UserName: key.UserName, UserType: key.UserType}},
	}
	actor := finding.SequenceActor{ID: key.PrincipalID, User: &finding.User{
		Name: s.Actor.Username, UID: key.PrincipalID, Type: key.UserType, CredentialUID: key.AccessKeyID,
		Account: &finding.Account{UID: strings.Clone(id.AccountID)},
	}}
	if !id.SessionAt.IsZero() {
		mfa := "DISABLED"
		if id.MFA {
			mfa = "ENABLED"
		}
		actor.Session = &finding.Session{MFAStatus: mfa, CreatedTime: &finding.Epoch{Time: id.SessionAt}, Issuer: strings.Clone(id.Issuer.ARN)}
	}
	sig := finding.SequenceSignal{
		UID: signalID(k.name, s.Occurrence), Type: "CLOUD_TRAIL", Name: k.name, Description: s.Description, Severity: k.severity,
		CreatedAt: at, UpdatedAt: at, FirstSeenAt: at, LastSeenAt: at, Count: 1,
		ResourceUIDs: []string{caller.UID}, ActorIDs: []string{actor.ID},
		Activities: []finding.Activity{{Type: "API_CALL", API: &finding.APICall{
			Operation: strings.Clone(c.t.Name), Service: strings.Clone(c.t.Service), Error: strings.Clone(c.t.ErrorCode), UserAgent: s.Actor.UserAgent,
		}}},
	}
	seq := &finding.Sequence{UID: signalID(k.typ, s.Occurrence), Description: s.Description, Actors: []finding.SequenceActor{actor}, Resources: []finding.ResourceV2{caller}}
	if h.resource.UID != "" {
		h.resource.AccountID, h.resource.Region, h.resource.CloudPartition = s.Account, s.Region, finding.Partition(s.Region)
		seq.Resources = append(seq.Resources, h.resource)
		sig.ResourceUIDs = append(sig.ResourceUIDs, h.resource.UID)
	}
	if ip := remoteIP([]string{c.t.SourceIP}); ip != nil {
		e := finding.NetworkEndpoint{ID: ip.IPAddressV4 + ip.IPAddressV6, IP: ip.IPAddressV4 + ip.IPAddressV6, Connection: &finding.NetworkConnection{Direction: "INBOUND"}}
		seq.Endpoints, sig.EndpointIDs = []finding.NetworkEndpoint{e}, []string{e.ID}
	}
	t, _ := finding.Lookup(k.typ)
	sig.SignalIndicators = []finding.Indicator{{Key: "ATTACK_TACTIC", Title: "MITRE Tactic", Values: []string{t.Tactic}}}
	if t.Technique != "" {
		sig.SignalIndicators = append(sig.SignalIndicators, finding.Indicator{Key: "ATTACK_TECHNIQUE", Title: "MITRE Technique", Values: []string{t.Technique}})
	}
	seq.SequenceIndicators, seq.Signals = sig.SignalIndicators, []finding.SequenceSignal{sig}
	return seq
}

func signalID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// resource names what a call was about: nothing where the record does not tell.
func resource(kind, service, uid string) finding.ResourceV2 {
	if uid == "" {
		return finding.ResourceV2{}
	}
	return finding.ResourceV2{UID: uid, ResourceType: kind, Service: service, Name: uid[strings.LastIndexAny(uid, ":/")+1:]}
}

// always is the check of a rule that the name of the call decides.
func always(did, kind, service, field string) func(*apiCall) (hit, bool) {
	return func(c *apiCall) (hit, bool) {
		name := member(c.req(), field).Text()
		h := hit{did: did, why: "that call alone is what the rule asks for", resource: resource(kind, service, name)}
		if name != "" {
			h.did += " " + shown(name)
		}
		return h, true
	}
}

// externalAccounts are those among accounts that are not the operator's.
func (c *apiCall) externalAccounts(accounts []string) []string {
	var out []string
	for _, a := range accounts {
		if isAccountID(a) && !c.isOwn(a) {
			out = append(out, a)
		}
	}
	return out
}

// passwordMemory is whose passwords somebody asked for in vain.
type passwordMemory struct {
	Instances []string
	Last      int64 // Unix seconds
}

// manyInstances is how many instances somebody must ask in vain, within
// operateIdle of each other, before the attempts count.
const manyInstances = 5

// deniedPasswords counts the instances whose password a caller was denied.
func (c *apiCall) deniedPasswords(instance string) int {
	who := c.principal()
	m := c.account.trail.passwords.get(who)
	var known []string
	last := int64(0)
	if m != nil {
		last = m.Last
	}
	if m != nil && within(c.ev.Time, time.Unix(m.Last, 0), operateIdle) {
		known = m.Instances
	}
	if slices.Contains(known, instance) || len(known) >= 2*manyInstances {
		return len(known)
	}
	next := append(slices.Clip(known), instance)
	*c.account.trail.passwords.touch(who, c.ev.Time) = passwordMemory{next, max(last, c.ev.Time.Unix())}
	return len(next)
}

func within(t, of time.Time, d time.Duration) bool { return t.Sub(of).Abs() <= d }
