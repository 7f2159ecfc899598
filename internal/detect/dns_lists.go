package detect

import (
	"fmt"

	"github.com/vedette-project/vedette/internal/intel"
)

// nameType is what a name's category means, and how to say it.
type nameType struct{ purpose, mechanism, kind string }

func nameTypeOf(c intel.Category) (nameType, bool) {
	switch c {
	case intel.C2:
		return nameType{"Backdoor", "C&CActivity.B!DNS", "command and control servers"}, true
	case intel.Cryptocurrency:
		return nameType{"CryptoCurrency", "BitcoinTool.B!DNS", "cryptocurrency activity"}, true
	case intel.BlackHole:
		return nameType{"Trojan", "BlackholeTraffic!DNS", "black holes"}, true
	case intel.DropPoint:
		return nameType{"Trojan", "DropPoint!DNS", "drop points of stolen data"}, true
	case intel.DriveBy:
		return nameType{"Trojan", "DriveBySourceTraffic!DNS", "drive-by downloads"}, true
	case intel.Phishing:
		return nameType{"Trojan", "PhishingDomainRequest!DNS", "phishing"}, true
	case intel.DGA:
		return nameType{"Trojan", "DGADomainRequest.C!DNS", "names that malware generates"}, true
	case intel.AbusedReputation:
		return nameType{"Impact", "AbusedDomainRequest.Reputation", "names that are abused"}, true
	case intel.CryptocurrencyReputation:
		return nameType{"Impact", "BitcoinDomainRequest.Reputation", "names of low reputation around cryptocurrency"}, true
	case intel.MaliciousReputation:
		return nameType{"Impact", "MaliciousDomainRequest.Reputation", "malicious names"}, true
	case intel.SuspiciousReputation:
		return nameType{"Impact", "SuspiciousDomainRequest.Reputation", "suspicious names"}, true
	case intel.Custom, intel.Malicious:
		return nameType{"Impact", "MaliciousDomainRequest.Custom", "unwelcome names"}, true
	}
	return nameType{}, false
}

// listedQuestion says what lists say of a name: one thing of each type a question.
func listedQuestion(q *dnsQuestion, hits []intel.Hit) (out []*dnsVerdict) {
	done := map[nameType]bool{}
	for _, h := range hits {
		t, ok := nameTypeOf(h.Category)
		if !ok || done[t] || h.Expired(q.time) {
			continue
		}
		done[t] = true
		v := &dnsVerdict{
			purpose: t.purpose, mechanism: t.mechanism, about: h.Entry, role: "ACTOR",
			title:       fmt.Sprintf("asks for %s, which is listed among %s", q.name, t.kind),
			description: fmt.Sprintf("asked for the address of %s, which is on the list %q of %s", q.name, h.List, t.kind),
			intel:       threats(h), info: listInfo(h), why: because(q.name, h),
		}
		if q.blocked {
			v.description = fmt.Sprintf("asked for %s, which is on the list %q of %s; the DNS firewall kept the answer back", q.name, h.List, t.kind)
		}
		out = append(out, v)
	}
	return out
}
