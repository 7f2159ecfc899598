package target

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// message is an event as people read it. Its texts are plain, and not escaped
// for any markup.
type message struct {
	Title    string
	Text     string
	Severity string // Low, Medium, High, Critical; of a source that is well: ""
	Facts    []fact
	More     []publish.Brief
	MoreLeft int // findings of the incident that are not named
	Steps    []string
	Resolved bool // a source is well, or all findings of the incident were archived
	Key      string
}

type fact struct{ Name, Value string }

// Bounds of the parts of a message, in bytes.
const (
	maxTitle = 250
	maxText  = 2000
	maxFact  = 300
	maxSteps = 3
)

// read makes the message of an event.
func read(e *publish.Event) message {
	if h := e.Health(); h != nil {
		return readHealth(e, h)
	}
	f := e.Finding()
	if f == nil {
		return message{Title: e.DetailType, Key: e.ID}
	}
	m := message{
		Title: cut(plain(cmp.Or(f.Title, f.Type)), maxTitle), Text: cut(plain(f.Description), maxText),
		Severity: finding.SeverityLabel(f.Severity), Key: e.Incident.Key,
	}
	add := func(name, value string) {
		if value != "" {
			m.Facts = append(m.Facts, fact{name, cut(plain(value), maxFact)})
		}
	}
	add("Severity", fmt.Sprintf("%s (%g)", m.Severity, f.Severity))
	add("Type", f.Type)
	add("Account", f.AccountID+" "+f.Region)
	for _, x := range resourceFacts(f.Resource) {
		add(x.Name, x.Value)
	}
	if s := f.Service; s != nil {
		for _, x := range actionFacts(s) {
			add(x.Name, x.Value)
		}
		add("Count", fmt.Sprint(s.Count))
		add("First seen", s.EventFirstSeen)
		add("Last seen", s.EventLastSeen)
	}
	add("Finding", f.ID)
	if e.Incident.Findings > 1 {
		add("Findings of the incident", fmt.Sprint(e.Incident.Findings))
	}
	for _, b := range e.Incident.More {
		b.Title, b.Type, b.ID = cut(plain(cmp.Or(b.Title, b.Type)), maxTitle), plain(b.Type), plain(b.ID)
		m.More = append(m.More, b)
	}
	if e.Resolved() {
		m.Title, m.Resolved = cut("Archived: "+m.Title, maxTitle), true
		return m
	}
	if t, ok := finding.Lookup(f.Type); ok {
		m.Steps = t.Remediation[:min(len(t.Remediation), maxSteps)]
	}
	return m
}

func readHealth(e *publish.Event, h *publish.Health) message {
	cluster := h.ResourceDetails.EKSClusterDetails.ClusterName
	of := strings.TrimSpace(h.Source + " " + cluster)
	m := message{Key: e.Incident.Key, Text: cut(plain(h.Issue), maxText)}
	if e.DetailType == publish.TypeHealthy {
		m.Title, m.Resolved = "Source is healthy again: "+plain(of), true
	} else {
		m.Title, m.Severity = "Source is unhealthy: "+plain(of), "Medium"
	}
	for _, x := range []fact{{"Source", h.Source}, {"Cluster", cluster}, {"Account", h.ResourceAccountID + " " + e.Region}, {"Status", h.CurrentStatus}} {
		if x.Value != "" {
			m.Facts = append(m.Facts, fact{x.Name, cut(plain(x.Value), maxFact)})
		}
	}
	return m
}

// resourceFacts say what a finding is about.
func resourceFacts(r *finding.Resource) (out []fact) {
	if r == nil {
		return nil
	}
	if c := r.EKSClusterDetails; c != nil {
		out = append(out, fact{"Cluster", c.Name})
	}
	if k := r.KubernetesDetails; k != nil {
		if w := k.KubernetesWorkloadDetails; w != nil && w.Name != "" {
			out = append(out, fact{"Workload", strings.Trim(w.Namespace+"/"+w.Type+"/"+w.Name, "/")})
			for _, c := range w.Containers[:min(1, len(w.Containers))] {
				out = append(out, fact{"Image", c.Image})
			}
		}
		if u := k.KubernetesUserDetails; u != nil {
			out = append(out, fact{"User", u.Username})
		}
	}
	if i := r.InstanceDetails; i != nil {
		out = append(out, fact{"Instance", i.InstanceID})
	}
	if a := r.AccessKeyDetails; a != nil {
		out = append(out, fact{"Principal", cmp.Or(a.UserName, a.PrincipalID)}, fact{"Access key", a.AccessKeyID})
	}
	for _, b := range r.S3BucketDetails[:min(1, len(r.S3BucketDetails))] {
		out = append(out, fact{"Bucket", b.Name})
	}
	if c := r.ContainerDetails; c != nil {
		out = append(out, fact{"Container", cmp.Or(c.Name, c.ID)}, fact{"Image", c.Image})
	}
	return out
}

// actionFacts say what was done, and by whom.
func actionFacts(s *finding.Service) (out []fact) {
	remote := func(r *finding.RemoteIPDetails) {
		if r != nil {
			out = append(out, fact{"From", cmp.Or(r.IPAddressV4, r.IPAddressV6)})
		}
	}
	if p := s.RuntimeDetails; p != nil && p.Process != nil {
		out = append(out, fact{"Process", p.Process.ExecutablePath})
	}
	a := s.Action
	if a == nil {
		return out
	}
	if k := a.KubernetesAPICallAction; k != nil {
		out = append(out, fact{"Call", k.Verb + " " + k.RequestURI}, fact{"User agent", k.UserAgent})
		remote(k.RemoteIPDetails)
	}
	if c := a.AWSAPICallAction; c != nil {
		out = append(out, fact{"Call", c.ServiceName + " " + c.API}, fact{"User agent", c.UserAgent})
		remote(c.RemoteIPDetails)
	}
	if d := a.DNSRequestAction; d != nil {
		out = append(out, fact{"Domain", d.Domain})
	}
	if n := a.NetworkConnectionAction; n != nil {
		remote(n.RemoteIPDetails)
	}
	return out
}

// color is the color of a severity, in hex.
func (m *message) color() string {
	switch m.Severity {
	case "Critical":
		return "7b1fa2"
	case "High":
		return "d32f2f"
	case "Medium":
		return "f57c00"
	case "Low":
		return "1976d2"
	}
	return "388e3c"
}

// lead is the first line of a message.
func (m *message) lead() string {
	if m.Severity == "" {
		return m.Title
	}
	return m.Severity + ": " + m.Title
}
