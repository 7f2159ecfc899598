package target

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// falcoEvent is an event as Falco sends it, which Falcosidekick takes.
type falcoEvent struct {
	UUID     string         `json:"uuid"`
	Output   string         `json:"output"`
	Priority string         `json:"priority"`
	Rule     string         `json:"rule"`
	Time     time.Time      `json:"time"`
	Source   string         `json:"source"`
	Fields   map[string]any `json:"output_fields"`
	Hostname string         `json:"hostname"`
	Tags     []string       `json:"tags"`
}

// falcoOf writes an event as Falco would. The fields are flat, as Falcosidekick
// wants them, and have GuardDuty's paths for names.
func falcoOf(e *publish.Event) *falcoEvent {
	m := read(e)
	out := &falcoEvent{
		UUID: e.ID, Output: textOf(e), Rule: e.DetailType, Time: e.Time.UTC(), Source: "vedette", Hostname: "vedette", Tags: []string{"vedette"},
		Priority: falcoPriority(m.Severity),
		Fields:   map[string]any{"account": e.Account, "region": e.Region},
	}
	for _, x := range m.Facts {
		out.Fields[falcoField(x.Name)] = x.Value
	}
	if f := e.Finding(); f != nil {
		out.Rule = plain(f.Type)
		out.Fields["severity"], out.Fields["title"], out.Fields["arn"] = f.Severity, m.Title, f.ARN
		if f.Service != nil {
			out.Fields["count"] = f.Service.Count
		}
		for name, value := range falcoNames(f.Resource) {
			if value != "" {
				out.Fields[name] = cut(plain(value), maxFact)
			}
		}
	}
	return out
}

// falcoNames are what Falco has names of its own for: Falcosidekick's outputs, and
// responders behind it, find a pod by them.
func falcoNames(r *finding.Resource) map[string]string {
	out := map[string]string{}
	if r == nil {
		return out
	}
	if k := r.KubernetesDetails; k != nil {
		if w := k.KubernetesWorkloadDetails; w != nil {
			out["k8s.ns.name"] = w.Namespace
			if w.Type == "pods" {
				out["k8s.pod.name"], out["k8s.pod.uid"] = w.Name, w.UID
			}
		}
		if u := k.KubernetesUserDetails; u != nil {
			out["ka.user.name"] = u.Username
		}
	}
	if c := r.ContainerDetails; c != nil {
		out["container.id"], out["container.name"], out["container.image"] = c.ID, c.Name, c.Image
	}
	return out
}

func falcoPriority(severity string) string {
	switch severity {
	case "Critical":
		return "Critical"
	case "High":
		return "Error"
	case "Medium":
		return "Warning"
	case "Low":
		return "Notice"
	}
	return "Informational"
}

// falcoField is the name of a fact as a field: words with dots between.
func falcoField(name string) string {
	out := []byte(name)
	for i, c := range out {
		switch {
		case c >= 'A' && c <= 'Z':
			out[i] = c + 'a' - 'A'
		case c == ' ':
			out[i] = '.'
		}
	}
	return string(out)
}
