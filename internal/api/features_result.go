package api

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// featureResult is a feature as GetDetector shows it.
type featureResult struct {
	Name       string          `json:"name"`
	Status     string          `json:"status"`
	UpdatedAt  finding.Epoch   `json:"updatedAt"`
	Additional []settingResult `json:"additionalConfiguration,omitempty"`
}

type settingResult struct {
	Name      string        `json:"name"`
	Status    string        `json:"status"`
	UpdatedAt finding.Epoch `json:"updatedAt"`
}

// featureResults lists the three that are always on with a detector, then the
// plans. A plan that is newer than the stored detector shows as off.
func featureResults(d finding.Detector) []featureResult {
	var out []featureResult
	for _, name := range [...]string{"CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS"} {
		out = append(out, featureResult{Name: name, Status: "ENABLED", UpdatedAt: finding.Epoch{Time: d.CreatedAt}})
	}
	for _, known := range features() {
		f := *featureOf(&d, known.name)
		r := featureResult{Name: f.Name, Status: status(f.Enabled), UpdatedAt: since(f.UpdatedAt, d)}
		for _, name := range known.additional {
			s := finding.FeatureSetting{Name: name}
			for _, have := range f.Additional {
				if have.Name == name {
					s = have
				}
			}
			r.Additional = append(r.Additional, settingResult{s.Name, status(s.Enabled), since(s.UpdatedAt, d)})
		}
		out = append(out, r)
	}
	return out
}

func since(t time.Time, d finding.Detector) finding.Epoch {
	if t.IsZero() {
		t = d.CreatedAt
	}
	return finding.Epoch{Time: t}
}
