package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// bucketMemory is what calls told of a bucket.
type bucketMemory struct {
	Block  *publicBlock `json:"block,omitempty"`
	Policy *exposure    `json:"policy,omitempty"`
	ACL    *exposure    `json:"acl,omitempty"`
	// Logging is whether server access logging is on; nil if no call told.
	Logging *bool `json:"logging,omitempty"`
	// NoACLs: the bucket's owner owns all objects, and ACLs mean nothing.
	NoACLs bool `json:"noACLs,omitempty"`
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
	m, account := c.memory(bucket), c.settings().PublicBlock
	out := &finding.PublicAccess{EffectivePermission: m.effective(account)}
	b := &finding.BucketLevelPermissions{
		AccessControlList: &finding.AccessControlList{}, BucketPolicy: &finding.BucketPolicy{}, BlockPublicAccess: m.Block.wire(),
	}
	if m.ACL != nil && m.ACL.Reach > reachNobody {
		*b.AccessControlList = finding.AccessControlList{AllowsPublicReadAccess: m.ACL.Read, AllowsPublicWriteAccess: m.ACL.Write}
	}
	if m.Policy != nil && m.Policy.Reach > reachNobody {
		*b.BucketPolicy = finding.BucketPolicy{AllowsPublicReadAccess: m.Policy.Read, AllowsPublicWriteAccess: m.Policy.Write}
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
	policy := m.Policy != nil && m.Policy.Reach > reachNobody && !m.shuts(account, func(b *publicBlock) bool { return b.Restrict })
	acl := m.ACL != nil && m.ACL.Reach > reachNobody && !m.NoACLs && !m.shuts(account, func(b *publicBlock) bool { return b.IgnoreACLs })
	switch {
	case policy || acl:
		return "PUBLIC"
	case m.Policy != nil && m.ACL != nil,
		m.shuts(account, func(b *publicBlock) bool { return b.Restrict && b.IgnoreACLs }),
		m.Policy != nil && m.NoACLs:
		return "NOT_PUBLIC"
	}
	return "UNKNOWN"
}

// shuts reports whether the bucket's block, or the account's, is known to have
// a setting on.
func (m bucketMemory) shuts(account *publicBlock, on func(*publicBlock) bool) bool {
	return m.Block != nil && on(m.Block) || account != nil && on(account)
}

// learnBucket remembers what has no detector of its own.
func (c *apiCall) learnBucket() {
	b := c.bucket()
	if !c.t.Succeeded() || b == "" {
		return
	}
	if c.t.Name == "DeleteBucket" {
		c.account.trail.buckets.drop(b)
		return
	}
	m := c.memory(b)
	m.NoACLs = false
	if c.t.Name == "PutBucketOwnershipControls" {
		for _, r := range nodes(member(c.req(), "OwnershipControls", "Rule")) {
			m.NoACLs = member(r, "ObjectOwnership").Text() == "BucketOwnerEnforced"
		}
	}
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
	was := m.Logging
	m.Logging = &on
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
