package ingest

import (
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// keyInfo is what the key of an object tells: AWS writes its logs under keys
// that name account, Region and time.
type keyInfo struct {
	Kind            string // such as CloudTrail, vpcflowlogs; "" when the key does not say
	Account, Region string // "" when the key does not say
	Time            time.Time
}

// The kinds of keys.
const (
	kindTrail  = "CloudTrail"
	kindDigest = "CloudTrail-Digest"
	kindFlow   = "vpcflowlogs"
	kindDNS    = "vpcdnsquerylogs"
)

var (
	keyStamp = regexp.MustCompile(`_([0-9]{8}T[0-9]{4}(?:[0-9]{2})?Z)`)
	keyDay   = regexp.MustCompile(`(?:^|/)(?:year=)?([0-9]{4})/(?:month=)?([0-9]{2})/(?:day=)?([0-9]{2})(?:/|$)`)
	regions  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
)

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

func isRegion(s string) bool { return regions.MatchString(s) }

// parseKey reads a key such as
//
//	AWSLogs/[o-ORG/]ACCOUNT/CloudTrail/REGION/2026/01/31/…
//	AWSLogs/ACCOUNT/vpcflowlogs/REGION/2026/01/31/…
//	AWSLogs/aws-account-id=ACCOUNT/aws-service=vpcflowlogs/aws-region=REGION/year=2026/month=01/day=31/…
//	AWSLogs/ACCOUNT/vpcdnsquerylogs/VPC/2026/01/31/…
func parseKey(key string) keyInfo {
	var k keyInfo
	for part := range strings.SplitSeq(path.Dir(key), "/") {
		name, value, tagged := strings.Cut(part, "=")
		if !tagged {
			name, value = "", part
		}
		switch {
		case k.Account == "" && (name == "" || name == "aws-account-id") && isAccount(value):
			k.Account = value
		case k.Kind == "" && (name == "" || name == "aws-service") && isKind(value):
			k.Kind = value
		case k.Kind != "" && k.Region == "" && (name == "" || name == "aws-region") && isRegion(value):
			k.Region = value
		}
	}
	if m := keyStamp.FindStringSubmatch(path.Base(key)); m != nil {
		layout := "20060102T1504Z"
		if len(m[1]) == len("20060102T150405Z") {
			layout = "20060102T150405Z"
		}
		if t, err := time.Parse(layout, m[1]); err == nil {
			k.Time = t
		}
	}
	if m := keyDay.FindStringSubmatch(key); m != nil && k.Time.IsZero() {
		if t, err := time.Parse("2006/01/02", m[1]+"/"+m[2]+"/"+m[3]); err == nil {
			k.Time = t
		}
	}
	return k
}

func isKind(s string) bool {
	switch s {
	case kindTrail, kindDigest, kindFlow, kindDNS:
		return true
	}
	return false
}

// source is the kind of records that an object of this key holds.
func (k keyInfo) source() event.Source {
	switch k.Kind {
	case kindTrail:
		return event.CloudTrail
	case kindFlow:
		return event.VPCFlow
	case kindDNS:
		return event.DNS
	}
	return ""
}

// scope is where the records belong: as the key says, or else as configured.
func (k keyInfo) scope(s event.Scope) event.Scope {
	if k.Account != "" {
		s.Account = k.Account
	}
	if k.Region != "" {
		s.Region = k.Region
	}
	return s
}

// matchKey reports whether a key matches a pattern, in which * stands for
// anything, slashes too.
func matchKey(pattern, key string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == key
	}
	key, ok := strings.CutPrefix(key, first)
	if !ok {
		return false
	}
	for {
		next, more, found := strings.Cut(rest, "*")
		if !found {
			return strings.HasSuffix(key, next)
		}
		i := strings.Index(key, next)
		if i < 0 {
			return false
		}
		key, rest = key[i+len(next):], more
	}
}
