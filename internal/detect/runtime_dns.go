package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// A pod's question is seen twice: when the pod asks, and when the cluster's DNS
// server asks on its behalf. It is raised for the pod. What the server asks is
// held back for a moment, and raised for the server only if nobody whom a sensor
// sees asked for the name: one without a sensor did.

// passedOn is how long after a question a DNS server passes it on.
const passedOn = 5 * time.Second

// Bounds of what is remembered of questions that something was wrong with.
const (
	maxNames    = 20_000
	maxServers  = 20_000
	maxHeld     = 512
	nameIdle    = time.Minute
	resolveIdle = 30 * 24 * time.Hour
)

// askedNames are the listed names, and addresses, that were asked for of late,
// and what is held back of DNS servers.
type askedNames struct {
	last    *table[moments] // by name
	held    *table[heldBack]
	servers *table[int64] // processes that serve DNS, and since when
}

// moments are the latest few times of something, in milliseconds.
type moments []int64

const maxMoments = 8

// heldBack is what is wrong with a question of a DNS server.
type heldBack struct {
	At      int64 // milliseconds
	Key     string
	Signals []*finding.Signal
}

func newAskedNames() *askedNames {
	return &askedNames{
		last:    newTable[moments]("runtime-names", maxNames, nameIdle),
		held:    newTable[heldBack]("runtime-held", maxHeld, 0),
		servers: newTable[int64]("runtime-servers", maxServers, resolveIdle),
	}
}

func (n *askedNames) memories() []memory { return []memory{n.last, n.held, n.servers} }

func (n *askedNames) note(key string, at time.Time) {
	m := n.last.touch(key, at)
	if len(*m) == maxMoments {
		*m = (*m)[1:]
	}
	*m = append(*m, at.UnixMilli())
}

// asked reports whether something was asked for at about that time.
func (n *askedNames) asked(key string, at time.Time) bool {
	return slices.ContainsFunc(n.last.value(key), func(ms int64) bool {
		return time.UnixMilli(ms).Sub(at).Abs() <= passedOn
	})
}

// servesDNS notes processes that listen where DNS servers do.
func servesDNS(r *runtimeRecord) {
	if r.Net == nil || r.Net.Socket.Local.Port() != portDNS || r.Error != "" {
		return
	}
	if r.state.names.servers.get(r.Process.UUID) == nil {
		*r.state.names.servers.touch(r.Process.UUID, r.ev.Time) = r.ev.Time.Unix()
	}
}

// asksName judges a DNS message. A question is looked up in the lists at once;
// an answer tells the rest. Both are one occurrence.
func asksName(r *runtimeRecord) {
	d := r.DNS
	if d == nil || d.Name == "" {
		return
	}
	q := dnsQuestion{name: d.Name, typ: d.Type, rcode: d.Rcode, time: r.ev.Time, asker: dnsAsker{id: r.place()}}
	for _, a := range d.Answers {
		q.answers.list = append(q.answers.list, event.Answer{Data: a.Data, Type: a.Type})
	}
	server := r.isDNSServer()
	var verdicts []*dnsVerdict
	switch {
	case !d.Response || server: // a server's habits are those of all pods
		verdicts = listedQuestion(&q, r.opts.Intel.Domain(q.name))
	default:
		verdicts = r.state.dns.judge(r.opts.Intel, &q)
		if name := r.state.dns.hinted(); name != "" {
			r.hint(HintDrawnNames, name)
		}
	}
	if server {
		if v := rebinds(&q); v != nil {
			verdicts = append(verdicts, v)
		}
	}
	var claims []*finding.Signal
	for _, v := range verdicts {
		if typ := runtimeNameType(v); typ != "" {
			claims = append(claims, r.claimName(typ, v))
		}
	}
	if len(claims) == 0 {
		return
	}
	if server {
		r.holdBack(claims)
		return
	}
	for _, key := range r.nameKeys() {
		r.state.names.note(key, r.ev.Time)
	}
	for _, c := range claims {
		r.raise(c)
	}
}

// runtimeNameType is the finding type of what is wrong with a question that a
// sensor saw, "" if there is none. What adds up over many questions has none of
// its own: it is raised as what it is of the instance that asks.
func runtimeNameType(v *dnsVerdict) string {
	if typ := v.typ("Runtime"); isType(typ) {
		return typ
	}
	switch v.mechanism {
	case "DGADomainRequest.B", "DNSDataExfiltration":
		return v.typ("EC2")
	}
	return ""
}

func isType(name string) bool {
	_, ok := finding.Lookup(name)
	return ok
}

func (r *runtimeRecord) claimName(typ string, v *dnsVerdict) *finding.Signal {
	d := r.DNS
	s := r.claim(typ, v.about+"|"+processName(r.Process))
	if !strings.Contains(typ, ":Runtime/") {
		s.Resource.ResourceType = "Instance"
	}
	v.tell(s, processName(r.Process)+" in "+r.where())
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%s\x00%s", r.here(), r.Process.UUID, d.Local, d.ID, d.Name, d.Type))
	s.Occurrence = hex.EncodeToString(sum[:12])
	s.Action = finding.Action{ActionType: "DNS_REQUEST", DNSRequestAction: &finding.DNSRequestAction{
		Domain: strings.Clone(d.Name), DomainWithSuffix: strings.Clone(registered(d.Name)), Protocol: strings.Clone(cmp.Or(d.Transport, "UDP")),
	}}
	return s
}

// nameKeys are the names under which a question is remembered: for the servers
// of the cluster, for those of the node and for those in the pod.
func (r *runtimeRecord) nameKeys() []string {
	keys := []string{r.DNS.Name, r.Node.Name + "|" + r.DNS.Name}
	if r.Pod != nil {
		keys = append(keys, r.Pod.Namespace+"/"+r.Pod.Name+"|"+r.DNS.Name)
	}
	return keys
}

// serverKey is under which of them a DNS server's own question stands.
func (r *runtimeRecord) serverKey() string {
	switch {
	case r.isClusterDNS():
		return r.DNS.Name
	case r.Pod != nil && !r.Pod.HostNetwork:
		return r.Pod.Namespace + "/" + r.Pod.Name + "|" + r.DNS.Name
	}
	return r.Node.Name + "|" + r.DNS.Name
}

// isClusterDNS reports whether the record is of the DNS servers that a cluster's
// pods ask.
func (r *runtimeRecord) isClusterDNS() bool {
	if r.Pod == nil {
		return false
	}
	_, name := workloadOf(r.Pod)
	switch {
	case r.Pod.Namespace == "kube-system":
		for _, n := range []string{"coredns", "kube-dns", "node-local-dns", "nodelocaldns", "rke2-coredns", "dns-default"} {
			if strings.HasPrefix(name, n) || strings.HasPrefix(r.Pod.Name, n) {
				return true
			}
		}
	case r.Pod.Namespace == "openshift-dns":
		return true
	}
	return false
}

// isDNSServer reports whether the process asks on behalf of others: it listens
// where DNS servers do, or is a program that only does this.
func (r *runtimeRecord) isDNSServer() bool {
	if r.isClusterDNS() || r.state.names.servers.get(r.Process.UUID) != nil {
		return true
	}
	p := r.Process
	return dnsServer.is(baseOf(p)) && (isSystemPath(p.Executable) || strings.HasPrefix(p.Executable, "/coredns") || strings.HasPrefix(p.Executable, "/node-cache"))
}

// holdBack keeps what a DNS server's question would raise, unless somebody asked
// for the name already.
func (r *runtimeRecord) holdBack(claims []*finding.Signal) {
	n, key := r.state.names, r.serverKey()
	if n.asked(key, r.ev.Time) {
		return
	}
	id := r.Node.Name + "|" + r.Process.UUID + "|" + claims[0].Occurrence
	if n.held.get(id) != nil {
		return
	}
	for _, c := range claims {
		r.finish(c)
	}
	*n.held.touch(id, r.ev.Time) = heldBack{At: r.ev.Time.UnixMilli(), Key: key, Signals: claims}
}

// raiseOverdue raises what was held back, once event time has come so far that
// nobody who asked can still be missing.
func (r *runtimeRecord) raiseOverdue() {
	n := r.state.names
	for n.held.oldest != nil {
		row := n.held.oldest
		at := time.UnixMilli(row.value.At)
		if r.ev.Time.Sub(at) <= 2*passedOn {
			return
		}
		if !n.asked(row.value.Key, at) {
			r.out = append(r.out, row.value.Signals...)
		}
		n.held.drop(row.key)
	}
}
