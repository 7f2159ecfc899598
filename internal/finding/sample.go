package finding

import (
	"strings"
	"time"
)

// Sample makes the sample finding of a type: what a real one would look like,
// with placeholders (GeneratedFinding…) where a real one has names. Its title
// begins with [SAMPLE] and its additionalInfo says "sample":true, so that no
// consumer takes it for an incident. It depends on its arguments alone; the id
// on type, account and region, so a second sample replaces the first.
func Sample(t Type, account, region string, now time.Time) *Finding {
	s := sampler{t: t, account: account, region: region, now: now.UTC().Truncate(time.Millisecond)}
	det := DetectorID(account, region)
	id := hexID("sample", t.Name, account, region)
	at := Timestamp(s.now)
	f := &Finding{
		AccountID:     account,
		ARN:           DetectorARN(account, region, det) + "/finding/" + id,
		ID:            id,
		Partition:     Partition(region),
		Region:        region,
		SchemaVersion: "2.0",
		Type:          t.Name,
		Severity:      t.Severity,
		CreatedAt:     at,
		UpdatedAt:     at,
		Title:         "[SAMPLE] " + t.Name + " on a resource of type " + t.ResourceType + ".",
		Description:   t.Trigger,
		Resource:      s.resource(),
		Service: &Service{
			ServiceName:    "guardduty",
			DetectorID:     det,
			ResourceRole:   s.role(),
			Count:          1,
			EventFirstSeen: at,
			EventLastSeen:  at,
			AdditionalInfo: &ServiceAdditionalInfo{Value: s.additionalInfo(), Type: "default"},
			Action:         s.action(),
			Evidence:       s.evidence(),
			RuntimeDetails: s.runtimeDetails(),
			Detection:      s.detection(),
			FeatureName:    s.featureName(),
		},
	}
	s.addMalware(f.Service)
	return f
}

// sampler makes the parts of one sample. Which parts a type has follows from
// its source, its resource type and its name.
type sampler struct {
	t               Type
	account, region string
	now             time.Time
}

func (s *sampler) is(source string) bool { return s.t.Source == source }

// named reports whether the type's name has one of the parts.
func (s *sampler) named(parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s.t.Name, p) {
			return true
		}
	}
	return false
}

// isCustomRule tells the types of Custom Detection Rules: what they found
// stands in a sequence, as with attack sequences.
func (s *sampler) isCustomRule() bool { return s.t.Detector == "custom-rule" }

// arn names a placeholder in the sample's account and region.
func (s *sampler) arn(service, resource string) string {
	return "arn:" + Partition(s.region) + ":" + service + ":" + s.region + ":" + s.account + ":" + resource
}

func (s *sampler) epoch() *Epoch { return &Epoch{s.now} }

// role is which side the resource was on. Runtime findings, scans of S3
// objects and sequences do not say.
func (s *sampler) role() string {
	switch {
	case s.is("runtime"), s.is("s3-scan"), s.is("correlation"):
		return ""
	case s.named("BruteForce", "PortProbe"):
		return "TARGET"
	case s.is("vpc-flow"), s.is("dns"), s.is("lambda-flow"):
		return "ACTOR"
	}
	return "TARGET"
}

func (s *sampler) featureName() string {
	switch {
	case s.is("runtime"):
		return "RuntimeMonitoring"
	case s.is("correlation"):
		return "Correlation"
	}
	return ""
}

// additionalInfo is JSON text. The keys beside sample are those that the
// guide documents for the type.
func (s *sampler) additionalInfo() string {
	switch {
	case s.named("NetworkPortUnusual"):
		return `{"sample":true,"unusual":{"port":11011}}`
	case s.named("TrafficVolumeUnusual"):
		return `{"sample":true,"outBytes":"1073741824","inBytes":"4096"}`
	case s.named("UnusualDNSResolver", "UnusualDoH", "UnusualDoT"):
		return `{"sample":true,"unusual":{"asnOrg":"GeneratedFindingASNOrg"}}`
	case s.named("UnusualProtocol"):
		return `{"sample":true,"unusualProtocol":"IGMP"}`
	case s.named("KaliLinux", "ParrotLinux", "PentooLinux"):
		return `{"sample":true,"userAgent":{"fullUserAgent":"GeneratedFindingUserAgent","userAgentCategory":"GeneratedFindingUserAgentCategory"}}`
	case s.is("runtime"):
		return `{"sample":true,"agentDetails":{"agentId":"GeneratedFindingAgentId","agentVersion":"1"}}`
	}
	return `{"sample":true}`
}

// evidence names the list that hit, where a list is what hits.
func (s *sampler) evidence() *Evidence {
	if s.t.Detector != "intel" && !s.named("CryptoMinerExecuted") {
		return nil
	}
	d := ThreatIntelligenceDetail{ThreatListName: "GeneratedFindingThreatListName", ThreatNames: []string{"GeneratedFindingThreatName"}}
	if s.named(".Custom") {
		d = ThreatIntelligenceDetail{ThreatListName: "GeneratedFindingCustomerListName"}
	}
	if s.named("MaliciousFileExecuted", "CryptoMinerExecuted") {
		d.ThreatFileSHA256 = sampleSHA256
	}
	return &Evidence{ThreatIntelligenceDetails: []ThreatIntelligenceDetail{d}}
}

// sampleSHA256 is the hash of no bytes at all: nobody's file.
const sampleSHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
