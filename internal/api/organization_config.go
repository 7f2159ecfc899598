package api

import (
	"context"
	"maps"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// organizationFeatureResult is what becomes of a feature in members.
type organizationFeatureResult struct {
	Name       string                      `json:"name"`
	AutoEnable string                      `json:"autoEnable"`
	Additional []organizationSettingResult `json:"additionalConfiguration,omitempty"`
}

type organizationSettingResult struct {
	Name       string `json:"name"`
	AutoEnable string `json:"autoEnable"`
}

type autoEnableOf struct {
	AutoEnable bool `json:"autoEnable"`
}

// organizationDataSources is the older view of the features.
type organizationDataSources struct {
	S3Logs     autoEnableOf `json:"s3Logs"`
	Kubernetes struct {
		AuditLogs autoEnableOf `json:"auditLogs"`
	} `json:"kubernetes"`
	MalwareProtection struct {
		Scan struct {
			EBSVolumes autoEnableOf `json:"ebsVolumes"`
		} `json:"scanEc2InstanceWithFindings"`
	} `json:"malwareProtection"`
}

func (s *server) describeOrganizationConfiguration(ctx context.Context, c *call) (any, error) {
	if _, _, err := c.page(); err != nil {
		return nil, err
	}
	org, err := s.Store.Organization(ctx)
	if err != nil {
		return nil, err
	}
	if org.Admin != c.account {
		return nil, bad(textNoOrganization)
	}
	members, err := s.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	on := func(feature string) autoEnableOf { return autoEnableOf{isAutomatic(org.Features[feature].AutoEnable)} }
	var sources organizationDataSources
	sources.S3Logs = on("S3_DATA_EVENTS")
	sources.Kubernetes.AuditLogs = on("EKS_AUDIT_LOGS")
	sources.MalwareProtection.Scan.EBSVolumes = on("EBS_MALWARE_PROTECTION")
	return struct {
		AutoEnable   bool                        `json:"autoEnable"`
		Members      string                      `json:"autoEnableOrganizationMembers"`
		LimitReached bool                        `json:"memberAccountLimitReached"`
		DataSources  organizationDataSources     `json:"dataSources"`
		Features     []organizationFeatureResult `json:"features"`
	}{isAutomatic(org.AutoEnable), org.AutoEnable, len(members) >= maxOrganizationMembers, sources, organizationFeatures(&org)}, nil
}

func isAutomatic(value string) bool { return value == autoEnableNew || value == autoEnableAll }

func orNone(value string) string {
	if value == "" {
		return autoEnableNone
	}
	return value
}

func organizationFeatures(org *store.Organization) []organizationFeatureResult {
	var out []organizationFeatureResult
	for _, f := range features() {
		if !organizationFeature(f.name) {
			continue
		}
		have := org.Features[f.name]
		r := organizationFeatureResult{Name: f.name, AutoEnable: orNone(have.AutoEnable)}
		for _, a := range f.additional {
			r.Additional = append(r.Additional, organizationSettingResult{a, orNone(have.Additional[a])})
		}
		out = append(out, r)
	}
	return out
}

func (s *server) updateOrganizationConfiguration(ctx context.Context, c *call) (any, error) {
	now := wireNow(s.Now)
	return nil, s.Store.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		if org.Admin != c.account {
			return bad(textNoOrganization)
		}
		org.UpdatedAt = now
		if err := applyAutoEnable(&org, c.body, now); err != nil {
			return err
		}
		org.Features = maps.Clone(org.Features)
		if org.Features == nil {
			org.Features = map[string]store.OrganizationFeature{}
		}
		if err := applyOrganizationSources(&org, c.body); err != nil {
			return err
		}
		if err := applyOrganizationFeatures(&org, c.body); err != nil {
			return err
		}
		if err := s.applyToMembers(tx, &org, now); err != nil {
			return err
		}
		return tx.PutOrganization(org)
	})
}

// applyAutoEnable reads which accounts become members: the older form is a switch.
func applyAutoEnable(org *store.Organization, body object, now time.Time) error {
	value, given, err := body.enum("autoEnableOrganizationMembers", autoEnableNew, autoEnableAll, autoEnableNone)
	if err != nil {
		return err
	}
	old, oldGiven, err := body.boolean("autoEnable")
	if err != nil {
		return err
	}
	if given == oldGiven {
		return bad("The request is rejected because either autoEnable or autoEnableOrganizationMembers must be specified, and not both.")
	}
	if oldGiven {
		value = autoEnableNone
		if old {
			value = autoEnableNew
		}
	}
	if value != org.AutoEnable {
		org.AutoEnable, org.Since = value, now
	}
	return nil
}

func applyOrganizationSources(org *store.Organization, body object) error {
	if body.has("features") && body.has("dataSources") {
		return badParam("dataSources", "is deprecated and may not be used together with features")
	}
	for feature, path := range map[string][]string{
		"S3_DATA_EVENTS":         {"dataSources", "s3Logs", "autoEnable"},
		"EKS_AUDIT_LOGS":         {"dataSources", "kubernetes", "auditLogs", "autoEnable"},
		"EBS_MALWARE_PROTECTION": {"dataSources", "malwareProtection", "scanEc2InstanceWithFindings", "ebsVolumes", "autoEnable"},
	} {
		on, given, err := readSwitch(body, path)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		f := org.Features[feature]
		f.AutoEnable = autoEnableNone
		if on {
			f.AutoEnable = autoEnableNew
		}
		org.Features[feature] = f
	}
	return nil
}

func applyOrganizationFeatures(org *store.Organization, body object) error {
	list, _, err := body.objects("features")
	if err != nil {
		return err
	}
	for _, o := range list {
		name, given, err := o.text("name", 1, 64)
		if err == nil && !given {
			err = missing(o.at("name"))
		}
		if err == nil && !organizationFeature(name) {
			err = badParam(o.at("name"), "is not a feature that can be set for an organization")
		}
		if err != nil {
			return err
		}
		f := org.Features[name]
		f.Additional = maps.Clone(f.Additional)
		if f.AutoEnable, err = readAutoEnable(o); err != nil {
			return err
		}
		if err := applyOrganizationSettings(&f, name, o); err != nil {
			return err
		}
		org.Features[name] = f
	}
	if isAutomatic(org.Features[eksRuntime].AutoEnable) && isAutomatic(org.Features[allRuntime].AutoEnable) {
		return badParam("features", eksRuntime+" and "+allRuntime+" exclude each other")
	}
	return nil
}

func readAutoEnable(o object) (string, error) {
	v, given, err := o.enum("autoEnable", autoEnableNew, autoEnableNone, autoEnableAll)
	if err == nil && !given {
		err = missing(o.at("autoEnable"))
	}
	return v, err
}

func applyOrganizationSettings(f *store.OrganizationFeature, feature string, o object) error {
	settings, _, err := o.objects("additionalConfiguration")
	if err != nil {
		return err
	}
	known, _ := findFeature(feature)
	for _, so := range settings {
		name, _, err := so.enum("name", known.additional...)
		if err != nil {
			return err
		}
		if name == "" {
			return missing(so.at("name"))
		}
		v, err := readAutoEnable(so)
		if err != nil {
			return err
		}
		if f.Additional == nil {
			f.Additional = map[string]string{}
		}
		f.Additional[name] = v
	}
	return nil
}

// applyToMembers does what ALL asks for in members that there are.
func (s *server) applyToMembers(tx *store.Tx, org *store.Organization, now time.Time) error {
	all, err := tx.Members()
	if err != nil {
		return err
	}
	for _, m := range all {
		m.UpdatedAt = now
		if m.Organization && m.Status != store.MemberEnabled && org.AutoEnable == autoEnableAll {
			if err := s.enroll(tx, org, &m); err != nil {
				return err
			}
			continue
		}
		if !m.Associated() {
			continue
		}
		err := tx.ChangeDetector(newDetector(m.Account, s.Region, now), func(d *finding.Detector) error {
			switchOn(d, org.Features, now, autoEnableAll)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
