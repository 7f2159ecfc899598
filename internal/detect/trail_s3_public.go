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
		was = c.settings().PublicBlock
		c.account.trail.settings.touch("account", c.ev.Time).PublicBlock = now
	} else {
		was, m.Block = m.Block, now
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
		m.Policy = &exposure{}
		c.remember(b, m)
		return
	}
	a := evaluatePolicy(c.bucketPolicyOf())
	was := m.Policy
	m.Policy = &exposure{a.reach, a.read, a.write}
	c.remember(b, m)
	if was != nil && *was == *m.Policy || m.shuts(c.settings().PublicBlock, func(k *publicBlock) bool { return k.Restrict }) {
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
		off := false
		m = bucketMemory{Policy: &exposure{}, Logging: &off}
		if c.ev.Time.After(blockedByDefault()) {
			m.Block, m.NoACLs = blockAll(true), headerText(c.req(), "x-amz-object-ownership") == ""
		}
	}
	r, read, write, why := aclGrants(c.req())
	was := m.ACL
	m.ACL = &exposure{r, read, write}
	c.remember(b, m)
	if was != nil && *was == *m.ACL || m.NoACLs || m.shuts(c.settings().PublicBlock, func(k *publicBlock) bool { return k.IgnoreACLs }) {
		return
	}
	c.opened(b, r, "ACL", why)
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
