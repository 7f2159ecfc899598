package detect

import (
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// blockedByDefault is since when S3 makes buckets with Block Public Access on,
// and without ACLs.
func blockedByDefault() time.Time { return time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC) }

// publicAccessBlock looks for Block Public Access being switched off, of a
// bucket or of the account, and remembers it.
func (c *apiCall) publicAccessBlock() {
	if !c.t.Succeeded() {
		return
	}
	b := c.bucket()
	now := blockAll(false)
	if !strings.HasPrefix(c.t.Name, "Delete") {
		cfg := member(c.req(), "PublicAccessBlockConfiguration")
		if cfg == nil { // cut away, or in a form that is not known
			return
		}
		now = &publicBlock{
			BlockACLs: saysYes(member(cfg, "BlockPublicAcls")), IgnoreACLs: saysYes(member(cfg, "IgnorePublicAcls")),
			BlockPolicy: saysYes(member(cfg, "BlockPublicPolicy")), Restrict: saysYes(member(cfg, "RestrictPublicBuckets")),
		}
	}
	var was *publicBlock
	typ, what := "Policy:S3/BucketBlockPublicAccessDisabled", "bucket "+shown(b)
	m := c.memory(b)
	if strings.Contains(c.t.Name, "Account") || b == "" {
		typ, what = "Policy:S3/AccountBlockPublicAccessDisabled", "account "+strings.Clone(c.recipient())
		was = c.settings().PublicBlock.before(c.ev.Time)
		c.account.trail.settings.touch("account", c.ev.Time).PublicBlock.tell(*now, c.ev.Time)
	} else {
		was = m.Block.before(c.ev.Time)
		m.Block.tell(*now, c.ev.Time)
		c.remember(b, m)
	}
	off := now.off(was)
	if len(off) == 0 {
		return
	}
	var s *finding.Signal
	if strings.HasPrefix(typ, "Policy:S3/Account") {
		s = c.claimCall(typ, "account")
		s.Resource.ResourceType = "S3Bucket"
	} else {
		s = c.claimBucket(typ, b)
	}
	s.Title = "S3 Block Public Access was switched off."
	s.Description = c.who() + " switched S3 Block Public Access off for " + what + c.from() + "."
	s.Why = shown(c.t.Name) + " succeeded and switched off: " + strings.Join(off, ", ")
	c.raise(s)
}

// off lists the settings that are off now and were not known to be.
func (b *publicBlock) off(was *publicBlock) []string {
	if was == nil {
		was = blockAll(true)
	}
	var out []string
	for _, f := range []struct {
		name     string
		now, was bool
	}{
		{"BlockPublicAcls", b.BlockACLs, was.BlockACLs}, {"IgnorePublicAcls", b.IgnoreACLs, was.IgnoreACLs},
		{"BlockPublicPolicy", b.BlockPolicy, was.BlockPolicy}, {"RestrictPublicBuckets", b.Restrict, was.Restrict},
	} {
		if f.was && !f.now {
			out = append(out, f.name)
		}
	}
	return out
}

// bucketPolicyOf is the document of a PutBucketPolicy, as the record has it.
func (c *apiCall) bucketPolicyOf() *jsonscan.Node {
	if n := policyNode(member(c.req(), "bucketPolicy")); n.Kind() == jsonscan.Object {
		return n
	}
	return policyNode(member(c.req(), "policy"))
}

// bucketPolicy looks for a policy that opens a bucket to whoever comes.
func (c *apiCall) bucketPolicy() {
	b := c.bucket()
	if !c.t.Succeeded() || b == "" {
		return
	}
	m := c.memory(b)
	if c.t.Name == "DeleteBucketPolicy" {
		m.Policy.tell(exposure{}, c.ev.Time)
		c.remember(b, m)
		return
	}
	a := evaluatePolicy(c.bucketPolicyOf())
	was, now := m.Policy.before(c.ev.Time), exposure{a.reach, a.read, a.write}
	m.Policy.tell(now, c.ev.Time)
	c.remember(b, m)
	if was != nil && *was == now || c.shut(&m, restricts) {
		return
	}
	c.opened(b, a.reach, "policy", a.why)
}

// opened claims that a bucket is open to whoever comes.
func (c *apiCall) opened(b string, r reach, by, why string) {
	var s *finding.Signal
	switch r {
	case reachAnyone:
		s = c.claimBucket("Policy:S3/BucketAnonymousAccessGranted", b)
		s.Title = "A bucket was opened to anonymous callers."
		s.Description = c.who() + " opened bucket " + shown(b) + " to everybody on the internet by its " + by + c.from() + "."
	case reachAuthenticated:
		s = c.claimBucket("Policy:S3/BucketPublicAccessGranted", b)
		s.Title = "A bucket was opened to all users of AWS."
		s.Description = c.who() + " opened bucket " + shown(b) + " to whoever has an AWS account by its " + by + c.from() + "."
	default:
		return
	}
	s.Why = why
	c.raise(s)
}

// bucketACL looks for an ACL that opens a bucket to whoever comes. A bucket
// that is made has none but what the request says.
func (c *apiCall) bucketACL() {
	b := c.bucket()
	if !c.t.Succeeded() || b == "" {
		return
	}
	m := c.memory(b)
	if c.t.Name == "CreateBucket" {
		c.made(&m)
	}
	r, read, write, why := aclGrants(c.req())
	was, now := m.ACL.before(c.ev.Time), exposure{r, read, write}
	m.ACL.tell(now, c.ev.Time)
	c.remember(b, m)
	noACLs := m.NoACLs.before(c.ev.Time)
	if was != nil && *was == now || noACLs != nil && *noACLs || c.shut(&m, ignoresACLs) {
		return
	}
	c.opened(b, r, "ACL", why)
}

// made notes what a bucket is like that was just made.
func (c *apiCall) made(m *bucketMemory) {
	at := c.ev.Time
	if m.newest() < at.Unix() { // of one that was there before
		*m = bucketMemory{}
	}
	m.Policy.tell(exposure{}, at)
	m.Logging.tell(false, at)
	if at.After(blockedByDefault()) {
		m.Block.tell(*blockAll(true), at)
		m.NoACLs.tell(headerText(c.req(), "x-amz-object-ownership") == "", at)
	}
}

// Groups that stand for people nobody knows.
const (
	groupAll           = "/groups/global/AllUsers"
	groupAuthenticated = "/groups/global/AuthenticatedUsers"
)

// aclGrants says whom the ACL in a request lets in: a canned one, headers, or
// a list of grants.
func aclGrants(req *jsonscan.Node) (r reach, read, write bool, why string) {
	grant := func(to reach, permission, said string) {
		if to > r {
			r, why = to, said
		}
		switch strings.ToUpper(permission) {
		case "WRITE", "WRITE_ACP":
			write = true
		case "FULL_CONTROL":
			read, write = true, true
		default:
			read = true
		}
	}
	switch canned := headerText(req, "x-amz-acl"); canned {
	case "public-read":
		grant(reachAnyone, "READ", "x-amz-acl is public-read")
	case "public-read-write":
		grant(reachAnyone, "FULL_CONTROL", "x-amz-acl is public-read-write")
	case "authenticated-read":
		grant(reachAuthenticated, "READ", "x-amz-acl is authenticated-read")
	}
	for _, permission := range []string{"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"} {
		header := "x-amz-grant-" + strings.ReplaceAll(strings.ToLower(permission), "_", "-")
		if to := groupReach(headerText(req, header)); to > reachNobody {
			grant(to, permission, header+" names a group of everybody")
		}
	}
	for _, g := range nodes(member(req, "AccessControlPolicy", "AccessControlList", "Grant")) {
		uri, permission := member(g, "Grantee", "URI").Text(), member(g, "Permission").Text()
		if to := groupReach(uri); to > reachNobody {
			grant(to, permission, "a grant of "+shown(permission)+" names "+shown(uri))
		}
	}
	return r, read, write, why
}

func groupReach(s string) reach {
	switch {
	case strings.Contains(s, groupAll):
		return reachAnyone
	case strings.Contains(s, groupAuthenticated):
		return reachAuthenticated
	}
	return reachNobody
}
