package detect

import (
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// domainType is what a name's category means, and how to say it.
func domainType(c intel.Category) (typ, kind string) {
	switch c {
	case intel.C2:
		return "Backdoor:EC2/C&CActivity.B!DNS", "command and control servers"
	case intel.Cryptocurrency:
		return "CryptoCurrency:EC2/BitcoinTool.B!DNS", "cryptocurrency activity"
	case intel.BlackHole:
		return "Trojan:EC2/BlackholeTraffic!DNS", "black holes"
	case intel.DropPoint:
		return "Trojan:EC2/DropPoint!DNS", "drop points of stolen data"
	case intel.DriveBy:
		return "Trojan:EC2/DriveBySourceTraffic!DNS", "drive-by downloads"
	case intel.Phishing:
		return "Trojan:EC2/PhishingDomainRequest!DNS", "phishing"
	case intel.DGA:
		return "Trojan:EC2/DGADomainRequest.C!DNS", "names that malware generates"
	case intel.AbusedReputation:
		return "Impact:EC2/AbusedDomainRequest.Reputation", "names that are abused"
	case intel.CryptocurrencyReputation:
		return "Impact:EC2/BitcoinDomainRequest.Reputation", "names of low reputation around cryptocurrency"
	case intel.MaliciousReputation:
		return "Impact:EC2/MaliciousDomainRequest.Reputation", "malicious names"
	case intel.SuspiciousReputation:
		return "Impact:EC2/SuspiciousDomainRequest.Reputation", "suspicious names"
	case intel.Custom, intel.Malicious:
		return "Impact:EC2/MaliciousDomainRequest.Custom", "unwelcome names"
	}
	return "", ""
}

// askedFor raises the types of lists of names: one of each type a query.
func (r *record) askedFor(q *event.Query, hits []intel.Hit) {
	done := map[string]bool{}
	for _, h := range hits {
		typ, kind := domainType(h.Category)
		if typ == "" || done[typ] || h.Expired(r.ev.Time) {
			continue
		}
		done[typ] = true
		s := r.claimQuery(typ, h.Entry, q)
		who := r.questioner(q)
		s.Title = fmt.Sprintf("%s asks for %s, which is listed among %s.", upper(who), q.Name, kind)
		s.Description = fmt.Sprintf("%s asked for the address of %s, which is on the list %q of %s.", upper(who), q.Name, h.List, kind)
		if q.Blocked() {
			s.Description = fmt.Sprintf("%s asked for %s, which is on the list %q of %s; the DNS firewall kept the answer back.", upper(who), q.Name, h.List, kind)
		}
		s.Intel, s.Info, s.Why = threats(h), listInfo(h), because(q.Name, h)
		r.raise(s)
	}
}
