package detect

import (
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// maxShownBuckets is how many buckets a finding names.
const maxShownBuckets = 20

// setsPermission reports whether a call of S3 changes who may come in.
func setsPermission(name string) bool {
	switch name {
	case "PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl", "PutObjectAcl", "PutAccessPointPolicy":
		return true
	}
	return false
}

// objectPurpose is the type that an unusual call on objects raises, and how
// much it is worth to look at.
func (c *apiCall) objectPurpose() (typ string, risk int) {
	name := c.t.Name
	switch {
	case setsPermission(name):
		return "Impact:S3/AnomalousBehavior.Permission", 15
	case strings.HasPrefix(name, "DeleteObject"):
		return "Impact:S3/AnomalousBehavior.Delete", 15
	case strings.HasPrefix(name, "CopyObject"), strings.HasPrefix(name, "UploadPartCopy"):
		if from := copySource(c.req()); from == c.bucket() { // written over
			return "Impact:S3/AnomalousBehavior.Write", 10
		}
	}
	switch apiTactic(c.t.Service, name, c.reads()) {
	case "Discovery":
		return "Discovery:S3/AnomalousBehavior", 10
	case "Exfiltration":
		return "Exfiltration:S3/AnomalousBehavior", 10
	}
	return "Impact:S3/AnomalousBehavior.Write", 10
}

// bucketBehaviour judges a call on what is in a bucket: by how its caller
// usually behaves, and by how much is usually taken away.
func (c *apiCall) bucketBehaviour() {
	bucket := c.bucket()
	if bucket == "" {
		return
	}
	typ, risk := c.objectPurpose()
	tactic, _, _ := strings.Cut(typ, ":")
	if v := c.judged(&s3Plane, bucket, typ, apiPurpose{tactic, risk}); v != nil {
		c.anomalousInBucket(v, typ)
	}
	c.bucketVolume(typ, bucket)
}

// claimBuckets starts a claim about a caller and the buckets that it is about.
func (c *apiCall) claimBuckets(typ string) *finding.Signal {
	s := c.claimBucket(typ, c.bucket())
	s.Key = strings.Clone(c.behaver())
	return s
}

// anomalousInBucket claims that a caller makes calls on buckets as nobody would
// expect it to.
func (c *apiCall) anomalousInBucket(v *verdict, typ string) {
	s := c.claimBuckets(typ)
	s.Title = "User " + c.userTitle() + " is anomalously invoking S3 APIs commonly used " + s3Purpose(typ) + "."
	s.Description = fmt.Sprintf("%s called %s%s%s on bucket %s in a way that is not usual for it: %s.",
		c.who(), shown(c.t.Name), c.from(), c.outcome(), shown(c.bucket()), unusualText(v))
	c.explain(s, v)
	c.moreBuckets(s)
	c.raise(s)
}

// moreBuckets shows the other buckets of a finding.
func (c *apiCall) moreBuckets(s *finding.Signal) {
	for _, b := range c.account.habits.unusual.value(s.Type + "\x00" + s.Key).Buckets {
		if b != c.bucket() {
			s.Resource.S3BucketDetails = append(s.Resource.S3BucketDetails, finding.S3BucketDetail{
				Name: b, Type: "Destination", ARN: "arn:" + finding.Partition(c.ev.Scope.Region) + ":s3:::" + b, PublicAccess: c.publicAccess(b),
			})
		}
	}
}

func s3Purpose(typ string) string {
	switch {
	case strings.HasPrefix(typ, "Discovery"):
		return "to discover what is in buckets"
	case strings.HasPrefix(typ, "Exfiltration"):
		return "to take data away"
	case strings.HasSuffix(typ, ".Delete"):
		return "to delete data"
	case strings.HasSuffix(typ, ".Permission"):
		return "to change who may read or write"
	}
	return "to write data"
}
