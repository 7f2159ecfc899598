package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// query has the members of a record of a Route 53 Resolver query log in the
// order in which the Resolver writes them.
type query struct {
	Version   string        `json:"version"`
	AccountID string        `json:"account_id"`
	Region    string        `json:"region"`
	VPC       string        `json:"vpc_id"`
	Time      string        `json:"query_timestamp"`
	Name      string        `json:"query_name"`
	Type      string        `json:"query_type"`
	Class     string        `json:"query_class"`
	Rcode     string        `json:"rcode"`
	Answers   []queryAnswer `json:"answers"`
	SrcAddr   string        `json:"srcaddr"`
	SrcPort   string        `json:"srcport"`
	Transport string        `json:"transport"`
	SrcIDs    queryIDs      `json:"srcids"`
}

type queryAnswer struct {
	Rdata string
	Type  string
	Class string
}

type queryIDs struct {
	Instance string `json:"instance"`
}

// asked is one query.
type asked struct {
	name, kind, answer string // kind "" is A; without an answer the name is not there
}

// queryWriters write lines of Route 53 Resolver query logs.
func queryWriters() map[string]writer {
	all := map[string][]asked{
		"Backdoor:EC2/C&CActivity.B!DNS":                {{name: "guarddutyc2activityb.com"}},
		"CryptoCurrency:EC2/BitcoinTool.B!DNS":          {{name: "crypto.guarddutyc2activityb.com"}},
		"Impact:EC2/AbusedDomainRequest.Reputation":     {{name: "abused-rep.guarddutyc2activityb.com"}},
		"Impact:EC2/BitcoinDomainRequest.Reputation":    {{name: "crypto-rep.guarddutyc2activityb.com"}},
		"Impact:EC2/MaliciousDomainRequest.Reputation":  {{name: "malicious-rep.guarddutyc2activityb.com"}},
		"Impact:EC2/SuspiciousDomainRequest.Reputation": {{name: "suspicious-rep.guarddutyc2activityb.com"}},
		"Impact:EC2/MaliciousDomainRequest.Custom":      {{name: "custom.vedette.test"}},
		"Trojan:EC2/DropPoint!DNS":                      {{name: "guarddutydroppointactivity.com"}},
		"Trojan:EC2/BlackholeTraffic!DNS":               {{name: "guarddutyblackholeactivity.com"}},
		"Trojan:EC2/PhishingDomainRequest!DNS":          {{name: "guarddutyphishingactivity.com"}},
		"Trojan:EC2/DriveBySourceTraffic!DNS":           {{name: "guarddutydrivebyactivity.com"}},
		"Trojan:EC2/DGADomainRequest.C!DNS":             {{name: "guarddutydgaactivity.com"}},
		"UnauthorizedAccess:EC2/MetadataDNSRebind":      {{name: "a8f1.rebind.example.org", answer: "169.254.169.254"}},
		"Trojan:EC2/DNSDataExfiltration":                exfiltration(),
		"Trojan:EC2/DGADomainRequest.B":                 generated(),
	}
	for typ, queries := range all {
		all[typ] = append([]asked{{name: "orders.shop.example.com", answer: "203.0.113.80"}, {name: "sqs.eu-central-1.amazonaws.com", answer: "203.0.113.81"}}, queries...)
	}
	return inLines(all)
}

// exfiltration is a file, sent in names.
func exfiltration() (out []asked) {
	for i := range 40 {
		chunk := sha256.Sum256(fmt.Appendf(nil, "part %d of a secret", i))
		label := strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(chunk[:]))
		out = append(out, asked{name: fmt.Sprintf("%03d.%s.%s.t.example.org", i, label, label[:40]), kind: "TXT"})
	}
	return out
}

// generated are names as malware draws them to find its server. None exists.
func generated() (out []asked) {
	for i := range 20 {
		label := sha256.Sum256(fmt.Appendf(nil, "server %d of the day", i))
		for k, c := range label {
			label[k] = 'a' + c%26
		}
		out = append(out, asked{name: string(label[:10+i%6]) + []string{".com", ".net", ".info"}[i%3]})
	}
	return out
}

// line renders the n-th query of a type's machine.
func (a asked) line(typ string, n int, at time.Time) (string, error) {
	l := newFlowLog(typ)
	q := query{
		Version: "1.100000", AccountID: simAccount, Region: simRegion, VPC: "vpc-0a1b2c3d4e5f60718",
		Time: at.UTC().Add(time.Duration(n) * time.Second).Format("2006-01-02T15:04:05Z"), Name: a.name + ".", Type: cmp.Or(a.kind, "A"), Class: "IN",
		Rcode: "NXDOMAIN", Answers: []queryAnswer{}, SrcAddr: l.own(), SrcPort: fmt.Sprint(40000 + n), Transport: "UDP", SrcIDs: queryIDs{l.instance()},
	}
	if a.answer != "" {
		q.Rcode, q.Answers = "NOERROR", []queryAnswer{{a.answer, q.Type, "IN"}}
	}
	b, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("write a record of %s: %w", typ, err)
	}
	return string(b), nil
}
