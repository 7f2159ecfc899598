package api

import (
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// feature is what is known of a protection plan: whether a new detector has
// it on, and which additional configurations it may carry.
type feature struct {
	name       string
	on         bool
	additional []string
}

const (
	eksRuntime = "EKS_RUNTIME_MONITORING"
	allRuntime = "RUNTIME_MONITORING"
)

// features are the plans that can be switched, in the order GetDetector
// lists them. A new detector has all of them on but what needs an agent on
// the nodes and what looks at AI services.
func features() []feature {
	return []feature{
		{name: "S3_DATA_EVENTS", on: true},
		{name: "EKS_AUDIT_LOGS", on: true},
		{name: "EBS_MALWARE_PROTECTION", on: true},
		{name: "RDS_LOGIN_EVENTS", on: true, additional: []string{"RDS_DATA_RISK"}},
		{name: eksRuntime, additional: []string{"EKS_ADDON_MANAGEMENT"}},
		{name: "LAMBDA_NETWORK_LOGS", on: true},
		{name: allRuntime, additional: []string{"EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"}},
		{name: "AI_PROTECTION"},
		{name: "AI_ANALYST"},
	}
}

func findFeature(name string) (feature, bool) {
	for _, f := range features() {
		if f.name == name {
			return f, true
		}
	}
	return feature{}, false
}

// defaultFeatures is the state of every plan in a new detector.
func defaultFeatures(now time.Time) []finding.Feature {
	var out []finding.Feature
	for _, f := range features() {
		ff := finding.Feature{Name: f.name, Enabled: f.on, UpdatedAt: now}
		for _, a := range f.additional {
			ff.Additional = append(ff.Additional, finding.FeatureSetting{Name: a, UpdatedAt: now})
		}
		out = append(out, ff)
	}
	return out
}

// applyFeatures reads the body's features into the detector. What is not
// named stays as it is.
func applyFeatures(d *finding.Detector, body object, now time.Time) error {
	list, _, err := body.objects("features")
	if err != nil {
		return err
	}
	d.Features = cloneFeatures(d.Features)
	named := map[string]bool{}
	for _, o := range list {
		name, err := applyFeature(d, o, now)
		if err != nil {
			return err
		}
		if named[name] {
			return badParam(o.at("name"), name+" is given twice")
		}
		named[name] = true
	}
	// RUNTIME_MONITORING covers what EKS_RUNTIME_MONITORING does: together
	// they would watch everything twice.
	if named[allRuntime] && named[eksRuntime] || isOn(d, allRuntime) && isOn(d, eksRuntime) {
		return badParam("features", eksRuntime+" and "+allRuntime+" exclude each other")
	}
	return nil
}

// applyFeature reads one feature and returns its name.
func applyFeature(d *finding.Detector, o object, now time.Time) (string, error) {
	name, given, err := o.text("name", 1, 64)
	if err != nil {
		return "", err
	}
	if !given {
		return "", missing(o.at("name"))
	}
	known, ok := findFeature(name)
	if !ok {
		return "", badParam(o.at("name"), "is not a feature that can be set")
	}
	on, err := readStatus(o)
	if err != nil {
		return "", err
	}
	f := featureOf(d, name)
	f.Chosen = true
	if f.Enabled != on || f.UpdatedAt.IsZero() {
		f.Enabled, f.UpdatedAt = on, now
	}
	settings, _, err := o.objects("additionalConfiguration")
	if err != nil {
		return "", err
	}
	for _, so := range settings {
		if err := applySetting(f, known, so, now); err != nil {
			return "", err
		}
	}
	return name, nil
}

func applySetting(f *finding.Feature, known feature, o object, now time.Time) error {
	name, given, err := o.text("name", 1, 64)
	if err != nil {
		return err
	}
	if !given {
		return missing(o.at("name"))
	}
	if !slices.Contains(known.additional, name) {
		return badParam(o.at("name"), "is not an additional configuration of "+known.name)
	}
	on, err := readStatus(o)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(f.Additional, func(s finding.FeatureSetting) bool { return s.Name == name })
	if i < 0 {
		f.Additional = append(f.Additional, finding.FeatureSetting{Name: name})
		i = len(f.Additional) - 1
	}
	if s := &f.Additional[i]; s.Enabled != on || s.UpdatedAt.IsZero() {
		s.Enabled, s.UpdatedAt = on, now
	}
	return nil
}

// readStatus reads the required status of a feature or a setting.
func readStatus(o object) (on bool, err error) {
	v, given, err := o.enum("status", "ENABLED", "DISABLED")
	if err == nil && !given {
		err = missing(o.at("status"))
	}
	return v == "ENABLED", err
}

// featureOf is the detector's feature of that name; one that the stored
// detector does not have yet is added, off.
func featureOf(d *finding.Detector, name string) *finding.Feature {
	for i := range d.Features {
		if d.Features[i].Name == name {
			return &d.Features[i]
		}
	}
	d.Features = append(d.Features, finding.Feature{Name: name})
	return &d.Features[len(d.Features)-1]
}

func isOn(d *finding.Detector, name string) bool {
	return slices.ContainsFunc(d.Features, func(f finding.Feature) bool { return f.Name == name && f.Enabled })
}

// cloneFeatures keeps changes away from a detector that others may hold.
func cloneFeatures(in []finding.Feature) []finding.Feature {
	out := slices.Clone(in)
	for i := range out {
		out[i].Additional = slices.Clone(out[i].Additional)
	}
	return out
}
