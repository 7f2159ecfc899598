package detect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// The addresses of the instance metadata service, and IPv4's as DNS64 writes it.
const (
	metadata4     = "169.254.169.254"
	metadata6     = "fd00:ec2::254"
	metadataNAT64 = "64:ff9b::a9fe:a9fe"
)

// rebinds looks for a name that leads to the instance metadata service. A page
// or a program that is tricked into asking it hands out the instance's
// credentials.
func rebinds(q *dnsQuestion) *dnsVerdict {
	if !mayNameMetadata(&q.answers) || isMetadataName(q.name) {
		return nil
	}
	for _, a := range q.answers.all() {
		if a.Type != "A" && a.Type != "AAAA" {
			continue
		}
		ip := parseAddr(a.Data)
		if !isMetadata(ip) {
			continue
		}
		return &dnsVerdict{
			purpose: "UnauthorizedAccess", mechanism: "MetadataDNSRebind", about: q.name, role: "TARGET",
			title:       fmt.Sprintf("asks for %s, which leads to the instance metadata service", q.name),
			description: fmt.Sprintf("asked for %s and was told %s, the address of the instance metadata service", q.name, ip),
			why:         fmt.Sprintf("the %s record of %s is %s, and the name is none of those that AWS gives the service", a.Type, q.name, a.Data),
		}
	}
	return nil
}

func isMetadata(ip netip.Addr) bool {
	return ip.IsValid() && (ip == parseAddr(metadata4) || ip == parseAddr(metadata6) || ip == parseAddr(metadataNAT64))
}

// mayNameMetadata is a quick look, so that hardly any answer need be read.
func mayNameMetadata(a *dnsAnswers) bool {
	answers := a.json
	if len(a.list) > 0 {
		return true
	}
	if len(answers) < len(`[{"Rdata":""}]`) {
		return false
	}
	return bytes.Contains(answers, []byte(metadata4)) ||
		bytes.Contains(answers, []byte(`"AAAA"`)) && (containsFold(answers, "ec2:") || containsFold(answers, "a9fe"))
}

func containsFold(b []byte, lower string) bool {
	return bytes.Contains(b, []byte(lower)) || bytes.Contains(b, []byte(strings.ToUpper(lower)))
}

// isMetadataName reports whether AWS itself gives a name to the service.
func isMetadataName(name string) bool {
	rest, ok := strings.CutPrefix(name, "instance-data")
	return ok && (rest == "" || rest == ".ec2.internal" || strings.HasPrefix(rest, ".") && strings.HasSuffix(rest, ".compute.internal"))
}
