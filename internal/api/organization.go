package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// The values of every auto-enable setting.
const (
	autoEnableNew  = "NEW"
	autoEnableAll  = "ALL"
	autoEnableNone = "NONE"
)

// organizationFeature reports whether a feature can be set for an organization.
func organizationFeature(name string) bool {
	_, known := findFeature(name)
	return known && name != "AI_ANALYST"
}

// readAdmin reads whom a call about the delegated administrator names.
func readAdmin(body object) (string, error) {
	id, given, err := body.text("adminAccountId", 1, 300)
	if err == nil && !given {
		err = missing("adminAccountId")
	}
	return id, err
}

// enableOrganizationAdminAccount begins an organization. Its administrator is
// the installation's own account, with whose detector all findings rest.
func (s *server) enableOrganizationAdminAccount(ctx context.Context, c *call) (any, error) {
	id, err := readAdmin(c.body)
	if err != nil {
		return nil, err
	}
	if id != s.Account {
		return nil, badParam("adminAccountId", "must be "+s.Account+", the account of this installation: all findings rest with its detector")
	}
	now := wireNow(s.Now)
	return nil, s.Store.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		if org.Admin == id {
			return bad("The request failed because the account is already enabled as a GuardDuty delegated administrator for the organization.")
		}
		org.Admin, org.UpdatedAt = id, now
		if org.AutoEnable == "" {
			org.AutoEnable = autoEnableNone
		}
		err = tx.ChangeDetector(newDetector(s.Account, s.Region, now), func(*finding.Detector) error { return nil })
		if err != nil {
			return err
		}
		return tx.PutOrganization(org)
	})
}

// disableOrganizationAdminAccount ends it: members that came by it are none any more.
func (s *server) disableOrganizationAdminAccount(ctx context.Context, c *call) (any, error) {
	id, err := readAdmin(c.body)
	if err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	return nil, s.Store.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		if org.Admin == "" || org.Admin != id {
			return bad("The request failed because the account is not enabled as a GuardDuty delegated administrator for the organization.")
		}
		all, err := tx.Members()
		if err != nil {
			return err
		}
		for _, m := range all {
			if !m.Organization || !m.Associated() {
				continue
			}
			m.Status, m.UpdatedAt = store.MemberRemoved, now
			if err := tx.PutMember(m); err != nil {
				return err
			}
		}
		return tx.PutOrganization(store.Organization{UpdatedAt: now})
	})
}

func (s *server) listOrganizationAdminAccounts(ctx context.Context, c *call) (any, error) {
	if _, _, err := c.page(); err != nil {
		return nil, err
	}
	type admin struct {
		ID     string `json:"adminAccountId"`
		Status string `json:"adminStatus"`
	}
	out := []admin{}
	org, err := s.Store.Organization(ctx)
	if err == nil && org.Admin != "" {
		out = append(out, admin{org.Admin, "ENABLED"})
	}
	return map[string][]admin{"adminAccounts": out}, err
}

// enroll makes an account a member through the organization, with a detector
// that has on what the organization's members have on.
func (s *server) enroll(tx *store.Tx, org *store.Organization, m *store.Member) error {
	return enroll(tx, org, m, s.Region)
}

func enroll(tx *store.Tx, org *store.Organization, m *store.Member, region string) error {
	m.Status, m.Organization, m.InvitationID, m.InvitedAt = store.MemberEnabled, true, "", time.Time{}
	err := tx.ChangeDetector(newDetector(m.Account, region, m.UpdatedAt), func(d *finding.Detector) error {
		d.Enabled, d.UpdatedAt = true, m.UpdatedAt
		switchOn(d, org.Features, m.UpdatedAt, autoEnableNew, autoEnableAll)
		return nil
	})
	if err != nil {
		return err
	}
	return tx.PutMember(*m)
}

// switchOn switches on what one of the values stands for. It switches nothing
// off: a setting of NONE leaves members as they are.
func switchOn(d *finding.Detector, features map[string]store.OrganizationFeature, now time.Time, values ...string) {
	d.Features = cloneFeatures(d.Features)
	for _, name := range slices.Sorted(maps.Keys(features)) {
		of := features[name]
		f := featureOf(d, name)
		if slices.Contains(values, of.AutoEnable) {
			if !f.Enabled {
				f.Enabled, f.UpdatedAt = true, now
			}
			f.Chosen = true
		}
		for i := range f.Additional {
			if a := &f.Additional[i]; slices.Contains(values, of.Additional[a.Name]) && !a.Enabled {
				a.Enabled, a.UpdatedAt = true, now
			}
		}
	}
	if isOn(d, allRuntime) && isOn(d, eksRuntime) { // the former covers the latter
		f := featureOf(d, eksRuntime)
		f.Enabled, f.UpdatedAt = false, now
	}
}

// Enroll makes members of the accounts of which records come, as the
// organization of an installation says, and returns which it made.
func Enroll(ctx context.Context, st Store, account, region string, now time.Time) ([]string, error) {
	org, err := st.Organization(ctx)
	if err != nil || org.Admin != account || org.AutoEnable == autoEnableNone {
		return nil, err
	}
	sources, err := st.Sources(ctx)
	if err != nil {
		return nil, err
	}
	first := map[string]time.Time{} // of whom something was received, and when first
	for i := range sources {
		id, at := sources[i].Account, sources[i].FirstReceived
		if len(id) != 12 || strings.Trim(id, "0123456789") != "" || id == account || at.IsZero() {
			continue
		}
		if t, known := first[id]; !known || at.Before(t) {
			first[id] = at
		}
	}
	members, err := st.Members(ctx)
	if err != nil {
		return nil, err
	}
	for i := range members {
		delete(first, members[i].Account)
	}
	maps.DeleteFunc(first, func(_ string, at time.Time) bool { return org.AutoEnable == autoEnableNew && at.Before(org.Since) })
	if len(first) == 0 {
		return nil, nil
	}
	return enrollAll(ctx, st, slices.Sorted(maps.Keys(first)), account, region, now)
}

func enrollAll(ctx context.Context, st Store, ids []string, account, region string, now time.Time) (made []string, err error) {
	err = st.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil || org.Admin != account { // it was ended meanwhile
			return err
		}
		for _, id := range ids {
			if _, err := tx.Member(id); !errors.Is(err, finding.ErrNotFound) {
				if err != nil {
					return err
				}
				continue
			}
			m := store.Member{Account: id, UpdatedAt: now.UTC().Truncate(time.Millisecond)}
			if err := enroll(tx, &org, &m, region); err != nil {
				return err
			}
			made = append(made, id)
		}
		return nil
	})
	return made, err
}
