package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// DNS questions are judged alike whoever saw them, a query log or a sensor. Who
// has one keeps a dnsState for each scope, made by newDNSState, whose memories
// belong to the tables of the scope, and does this with every question, in order:
//
//	for _, v := range state.judge(set, &dnsQuestion{…}) {
//		s := r.claim(v.typ("EC2"), resource+"|"+v.about)
//		v.tell(s, "the instance i-0abc") // texts, role, list and reasons
//		… s.Action, s.Resource and s.Actor: whose question it is
//		r.raise(s)
//	}
//
// Severities are those of the catalogue. It knows no Runtime type of
// DNSDataExfiltration, DGADomainRequest.B or MaliciousDomainRequest.Custom: for
// the first two those of EC2 are raised, of the instance that a pod is on.
// What only lists say, without state, says listedQuestion.

// dnsQuestion is a question, and what was answered.
type dnsQuestion struct {
	name    string // lower case, without the final dot; one without a name is passed over
	typ     string // A, AAAA, TXT, …
	rcode   string // NOERROR, NXDOMAIN, …
	blocked bool   // a DNS firewall kept the answer back
	answers dnsAnswers
	time    time.Time
	asker   dnsAsker
}

// dnsAsker is whose habits a question belongs to: an id that means the same for
// all of its questions, such as an instance's or a workload's, or where there is
// none a network and an address in it.
type dnsAsker struct {
	id, network string
	addr        netip.Addr
}

func (a *dnsAsker) key() string {
	if a.id != "" {
		return a.id
	}
	return a.network + "/" + a.addr.String()
}

// dnsAnswers are the records of an answer, as a list or as a query log has them.
// Hardly any need be looked at.
type dnsAnswers struct {
	list []event.Answer
	json []byte // array of {Rdata, Type, Class}
}

func (a *dnsAnswers) some() bool { return len(a.list) > 0 || len(a.json) > len("[]") }

func (a *dnsAnswers) all() []event.Answer {
	if len(a.list) > 0 {
		return a.list
	}
	return (&event.Query{AnswersJSON: a.json}).Answers()
}

// dnsVerdict is one thing that is wrong with a question.
type dnsVerdict struct {
	purpose, mechanism string // of the finding type: Backdoor and C&CActivity.B!DNS
	// about is what belongs in the finding's key, beside who asked: a list's
	// entry, a domain or a name.
	about string
	role  string // ACTOR or TARGET
	// What is said of who asked, whose name comes before it: "asks for …".
	title, description string
	why                string
	info               map[string]any
	intel              []finding.ThreatIntelligenceDetail // of the list, if one has the name
}

// typ is the finding type for a kind of resource, such as EC2 or Runtime.
func (v *dnsVerdict) typ(family string) string { return v.purpose + ":" + family + "/" + v.mechanism }

// tell fills in what a claim says; who names in a sentence who asked.
func (v *dnsVerdict) tell(s *finding.Signal, who string) {
	s.Role, s.Why, s.Info, s.Intel = v.role, v.why, v.info, v.intel
	s.Title = fmt.Sprintf("%s %s.", upper(who), v.title)
	s.Description = fmt.Sprintf("%s %s.", upper(who), v.description)
}

// dnsState is what is remembered of a scope's questions.
type dnsState struct {
	tunnels *table[tunnel]
	askers  *table[askers]
	habits  *table[tunnelHabit]

	reputation *reputation
	drawn      *draws
}

// newDNSState returns a state whose tables' names begin with prefix; a scope has
// no two with the same.
func newDNSState(prefix string) *dnsState {
	return &dnsState{
		tunnels: newTable[tunnel](prefix+"-tunnels", maxTunnels, tunnelIdle),
		askers:  newTable[askers](prefix+"-askers", maxTunnels, tunnelIdle),
		habits:  newTable[tunnelHabit](prefix+"-tunnel-habits", maxTunnels, tunnelLearned),

		reputation: newReputation(prefix),
		drawn:      newDraws(prefix),
	}
}

func (s *dnsState) memories() []memory {
	return slices.Concat([]memory{s.tunnels, s.askers, s.habits}, s.reputation.memories(), s.drawn.memories())
}

// hinted is the domain of the question that was judged last, where it hints at
// names that a program draws.
func (s *dnsState) hinted() string { return s.drawn.hinted }

// judge says what is wrong with a question, nothing of nearly all. It learns from
// it, so each is judged once. A verdict may share memory with the
// question's name; a claim made of it does not.
func (s *dnsState) judge(set *intel.Set, q *dnsQuestion) []*dnsVerdict {
	s.drawn.hinted = ""
	if q.name == "" {
		return nil
	}
	var out []*dnsVerdict
	if hits := set.Domain(q.name); len(hits) > 0 {
		out = listedQuestion(q, hits)
	} else {
		if v := s.reputation.judge(set, q); v != nil {
			out = append(out, v)
		}
		if v := s.drawn.judge(set, &s.reputation.places, q); v != nil {
			out = append(out, v)
		}
	}
	if v := rebinds(q); v != nil {
		out = append(out, v)
	}
	if v := s.exfiltrates(set, q); v != nil {
		out = append(out, v)
	}
	return out
}
