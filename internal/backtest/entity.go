package backtest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// Entities are whom and what a finding is about, the most telling first: the
// principal, the workload, the machine, the bucket. One that names none of them
// is about its resource.
func Entities(f *finding.Finding) []string {
	var out []string
	add := func(kind, name string) {
		if name = strings.Trim(name, "/"); name != "" && !slices.Contains(out, kind+" "+name) {
			out = append(out, kind+" "+name)
		}
	}
	if r := f.Resource; r != nil {
		if k := r.KubernetesDetails; k != nil {
			if u := k.KubernetesUserDetails; u != nil {
				add("principal", u.Username)
			}
			if w := k.KubernetesWorkloadDetails; w != nil && w.Name != "" {
				add("workload", w.Namespace+"/"+w.Name)
			}
		}
		if k := r.AccessKeyDetails; k != nil && len(out) == 0 { // of a call to Kubernetes it is the same one again
			add("principal", firstOf(k.UserName, k.PrincipalID, k.AccessKeyID))
		}
		if i := r.InstanceDetails; i != nil {
			add("instance", i.InstanceID)
		}
		for _, b := range r.S3BucketDetails {
			add("bucket", firstOf(b.Name, b.ARN))
		}
	}
	if s := f.Service; s != nil && s.Detection != nil && s.Detection.Sequence != nil {
		for _, a := range s.Detection.Sequence.Actors {
			if a.User != nil {
				add("principal", a.User.Name)
			}
		}
	}
	if len(out) == 0 {
		add(kindOf(f), finding.ResourceID(f))
	}
	if len(out) == 0 {
		add("account", f.AccountID)
	}
	return out
}

// kindOf is what a finding's resource is.
func kindOf(f *finding.Finding) string {
	if f.Resource != nil {
		switch t := f.Resource.ResourceType; {
		case strings.HasSuffix(t, "Cluster"):
			return "cluster"
		case strings.HasPrefix(t, "RDS"):
			return "database"
		case t == "Lambda":
			return "function"
		case t == "Container":
			return "container"
		}
	}
	return "resource"
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// RuleRef names the rule that made a finding.
type RuleRef struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Title string `json:"title"`
}

// ruleOf reads which rule made a finding; nil: it was none.
func ruleOf(f *finding.Finding) *RuleRef {
	if f.Service == nil || f.Service.AdditionalInfo == nil || !strings.Contains(f.Service.AdditionalInfo.Value, `"rule":`) {
		return nil
	}
	var info struct{ Rule *RuleRef }
	if json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info) != nil || info.Rule == nil || info.Rule.Title == "" {
		return nil
	}
	return info.Rule
}
