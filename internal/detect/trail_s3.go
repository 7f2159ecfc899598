package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// bucketMemory is what calls told of a bucket.
type bucketMemory struct {
	Block  setting[publicBlock] `json:"block,omitzero"`
	Policy setting[exposure]    `json:"policy,omitzero"`
	ACL    setting[exposure]    `json:"acl,omitzero"`
	// Logging is whether server access logging is on.
	Logging setting[bool] `json:"logging,omitzero"`
	// NoACLs: the bucket's owner owns all objects, and ACLs mean nothing.
	NoACLs setting[bool] `json:"noACLs,omitzero"`
}

// newest is when the latest call was made that told of the bucket.
func (m *bucketMemory) newest() int64 {
	return max(m.Block.At, m.Policy.At, m.ACL.At, m.Logging.At, m.NoACLs.At)
}

// publicBlock is Block Public Access, of a bucket or of the account.
type publicBlock struct {
	BlockACLs, IgnoreACLs, BlockPolicy, Restrict bool
}

// blockAll has all settings on, or all off.
func blockAll(on bool) *publicBlock { return &publicBlock{on, on, on, on} }

// exposure is whom a policy or an ACL lets in who is not named.
type exposure struct {
	Reach       reach
	Read, Write bool
}

func (c *apiCall) memory(bucket string) bucketMemory {
	if m := c.account.trail.buckets.get(bucket); m != nil {
		return *m
	}
	return bucketMemory{}
}

func (c *apiCall) remember(bucket string, m bucketMemory) {
	*c.account.trail.buckets.touch(bucket, c.ev.Time) = m
}

// claimBucket starts a claim about a bucket.
func (c *apiCall) claimBucket(typ, bucket string) *finding.Signal {
	s := c.claimCall(typ, bucket)
	c.showBucket(s, bucket)
	return s
}

// showBucket makes a bucket the resource of a claim, with what is known of its
// being public.
func (c *apiCall) showBucket(s *finding.Signal, bucket string) {
	s.Resource.ResourceType = "S3Bucket"
	d := finding.S3BucketDetail{
		Name: bucket, Type: "Destination", ARN: "arn:" + finding.Partition(c.ev.Scope.Region) + ":s3:::" + bucket,
		PublicAccess: c.publicAccess(bucket),
	}
	if bucket == "" {
		d.ARN = ""
	}
	if key := c.req().Text("key"); key != "" {
		d.S3ObjectDetails = []finding.S3ObjectDetail{{ObjectARN: d.ARN + "/" + key, Key: key, VersionID: c.req().Text("versionId")}}
	}
	s.Resource.S3BucketDetails = []finding.S3BucketDetail{d}
	if from := copySource(c.req()); from != "" {
		s.Resource.S3BucketDetails = append(s.Resource.S3BucketDetails, finding.S3BucketDetail{
			Name: from, Type: "Source", ARN: "arn:" + finding.Partition(c.ev.Scope.Region) + ":s3:::" + from, PublicAccess: c.publicAccess(from),
		})
	}
}

// copySource is the bucket that a copy reads.
func copySource(req *jsonscan.Node) string {
	src := strings.TrimPrefix(headerText(req, "x-amz-copy-source"), "/")
	bucket, _, _ := strings.Cut(src, "/")
	return bucket
}

// headerText is a header among the parameters, which is text or a list of it.
func headerText(req *jsonscan.Node, name string) string {
	return strings.Join(texts(member(req, name)), ", ")
}

// publicAccess says what is known of a bucket's being public.
func (c *apiCall) publicAccess(bucket string) *finding.PublicAccess {
	m, account := c.memory(bucket), c.settings().PublicBlock.Value
	out := &finding.PublicAccess{EffectivePermission: m.effective(account)}
	b := &finding.BucketLevelPermissions{
		AccessControlList: &finding.AccessControlList{}, BucketPolicy: &finding.BucketPolicy{}, BlockPublicAccess: m.Block.Value.wire(),
	}
	if a := m.ACL.Value; a != nil && a.Reach > reachNobody {
		*b.AccessControlList = finding.AccessControlList{AllowsPublicReadAccess: a.Read, AllowsPublicWriteAccess: a.Write}
	}
	if p := m.Policy.Value; p != nil && p.Reach > reachNobody {
		*b.BucketPolicy = finding.BucketPolicy{AllowsPublicReadAccess: p.Read, AllowsPublicWriteAccess: p.Write}
	}
	out.PermissionConfiguration = &finding.PermissionConfiguration{
		BucketLevelPermissions:  b,
		AccountLevelPermissions: &finding.AccountLevelPermissions{BlockPublicAccess: account.wire()},
	}
	return out
}

func (b *publicBlock) wire() *finding.BlockPublicAccess {
	if b == nil {
		return &finding.BlockPublicAccess{}
	}
	return &finding.BlockPublicAccess{
		IgnorePublicAcls: b.IgnoreACLs, RestrictPublicBuckets: b.Restrict, BlockPublicAcls: b.BlockACLs, BlockPublicPolicy: b.BlockPolicy,
	}
}

// effective is what all settings come to. What the account blocks no bucket
// can open; and nothing is known to be private until calls told so.
func (m bucketMemory) effective(account *publicBlock) string {
	noACLs := m.NoACLs.Value != nil && *m.NoACLs.Value
	restrict, ignore := m.Block.Value.has(restricts) || account.has(restricts), m.Block.Value.has(ignoresACLs) || account.has(ignoresACLs)
	policy := m.Policy.Value != nil && m.Policy.Value.Reach > reachNobody && !restrict
	acl := m.ACL.Value != nil && m.ACL.Value.Reach > reachNobody && !noACLs && !ignore
	switch {
	case policy || acl:
		return "PUBLIC"
	case m.Policy.Value != nil && (m.ACL.Value != nil || noACLs), restrict && ignore:
		return "NOT_PUBLIC"
	}
	return "UNKNOWN"
}

func restricts(b *publicBlock) bool   { return b.Restrict }
func ignoresACLs(b *publicBlock) bool { return b.IgnoreACLs }

// has reports whether a block is known, and has a setting on.
func (b *publicBlock) has(on func(*publicBlock) bool) bool { return b != nil && on(b) }

// shut reports whether the bucket's block, or the account's, was known to have
// a setting on when the call was made.
func (c *apiCall) shut(m *bucketMemory, on func(*publicBlock) bool) bool {
	at := c.ev.Time
	return m.Block.before(at).has(on) || c.settings().PublicBlock.before(at).has(on)
}

// learnBucket remembers what has no detector of its own.
func (c *apiCall) learnBucket() {
	b := c.bucket()
	if !c.t.Succeeded() || b == "" {
		return
	}
	m := c.memory(b)
	if c.t.Name == "DeleteBucket" {
		if m.newest() <= c.ev.Time.Unix() { // else it was made again
			c.account.trail.buckets.drop(b)
		}
		return
	}
	noACLs := false
	if c.t.Name == "PutBucketOwnershipControls" {
		for _, r := range nodes(member(c.req(), "OwnershipControls", "Rule")) {
			noACLs = member(r, "ObjectOwnership").Text() == "BucketOwnerEnforced"
		}
	}
	m.NoACLs.tell(noACLs, c.ev.Time)
	c.remember(b, m)
}

// accessLogging looks for the end of a bucket's access log: a request that
// names no place to write it to.
func (c *apiCall) accessLogging() {
	b := c.bucket()
	status := member(c.req(), "BucketLoggingStatus")
	if !c.t.Succeeded() || b == "" || status == nil && c.ev.Truncated {
		return
	}
	on := member(status, "LoggingEnabled") != nil
	m := c.memory(b)
	was := m.Logging.before(c.ev.Time)
	m.Logging.tell(on, c.ev.Time)
	c.remember(b, m)
	if on || was != nil && !*was {
		return
	}
	s := c.claimBucket("Stealth:S3/ServerAccessLoggingDisabled", b)
	s.Title = "The access log of a bucket was switched off."
	s.Description = c.who() + " switched the server access log of bucket " + shown(b) + " off" + c.from() + "."
	s.Why = "PutBucketLogging succeeded without LoggingEnabled"
	c.raise(s)
}
