package console

import (
	"net/http"
	"net/url"

	"github.com/vedette-project/vedette/internal/finding"
)

// detectorView is the detector of the visitor's account, and its features.
type detectorView struct {
	ID          string
	Status      string            `json:"status"`
	Frequency   string            `json:"findingPublishingFrequency"`
	CreatedAt   string            `json:"createdAt"`
	UpdatedAt   string            `json:"updatedAt"`
	Features    []detectorFeature `json:"features"`
	Frequencies []string
	Problem     string
}

type detectorFeature struct {
	Name      string        `json:"name"`
	Status    string        `json:"status"`
	UpdatedAt finding.Epoch `json:"updatedAt"`
}

// On says that the feature is enabled.
func (f *detectorFeature) On() bool { return f.Status == "ENABLED" }

// Fixed says that the feature is on with every detector.
func (f *detectorFeature) Fixed() bool {
	return f.Name == "CLOUD_TRAIL" || f.Name == "DNS_LOGS" || f.Name == "FLOW_LOGS"
}

// Words say what a feature is.
func (f *detectorFeature) Words() string {
	switch f.Name {
	case "CLOUD_TRAIL":
		return "Management events of CloudTrail"
	case "DNS_LOGS":
		return "DNS queries"
	case "FLOW_LOGS":
		return "VPC flow logs"
	case "S3_DATA_EVENTS":
		return "Data events of S3, in CloudTrail"
	case "EKS_AUDIT_LOGS":
		return "Kubernetes audit logs"
	case "EBS_MALWARE_PROTECTION":
		return "Malware on volumes (not made here yet)"
	case "RDS_LOGIN_EVENTS":
		return "Logins to RDS databases (not made here yet)"
	case "EKS_RUNTIME_MONITORING":
		return "Runtime monitoring of Kubernetes nodes, as it was called first"
	case "RUNTIME_MONITORING":
		return "Runtime monitoring of nodes, by sensors"
	case "LAMBDA_NETWORK_LOGS":
		return "Network of Lambda functions"
	case "AI_PROTECTION", "AI_ANALYST":
		return "AI services (not made here yet)"
	}
	return ""
}

func frequencies() []string { return []string{"FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"} }

func (s *server) detectorPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showDetector(w, r, v, "")
}

func (s *server) theDetector(v *visit) (d detectorView, err error) {
	if d.ID, err = s.detector(v); err != nil {
		return d, err
	}
	err = s.call(v, http.MethodGet, "/detector/"+url.PathEscape(d.ID), nil, nil, &d)
	return d, err
}

func (s *server) showDetector(w http.ResponseWriter, r *http.Request, v *visit, problem string) error {
	d, err := s.theDetector(v)
	if err != nil {
		return err
	}
	d.Frequencies, d.Problem = frequencies(), problem
	return s.showForm(w, r, v, "detector", "detector", "Detector", problem, &d)
}

// saveDetector sends what the form changes.
func (s *server) saveDetector(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.MayManage() {
		return notAllowed("Only administrators may change the detector.")
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	d, err := s.theDetector(v)
	if err != nil {
		return err
	}
	in := map[string]any{"enable": f.Get("enable") != ""}
	if v.Whole() { // of a member the administrator decides
		in["findingPublishingFrequency"] = f.Get("frequency")
	}
	var features []map[string]string
	for i := range d.Features {
		have := &d.Features[i]
		if on := f.Get("feature:"+have.Name) != ""; !have.Fixed() && on != have.On() {
			status := "DISABLED"
			if on {
				status = "ENABLED"
			}
			features = append(features, map[string]string{"name": have.Name, "status": status})
		}
	}
	if len(features) > 0 {
		in["features"] = features
	}
	if err := s.call(v, http.MethodPost, "/detector/"+url.PathEscape(d.ID), nil, in, nil); err != nil {
		if problem := problemOf(err); problem != "" {
			return s.showDetector(w, r, v, problem)
		}
		return err
	}
	return s.done(w, r, Root+"detector", "Saved the detector's settings.")
}
