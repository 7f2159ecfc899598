package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// The relationships of a member with the administrator, in GuardDuty's words.
// Of those it has, the others never come about here.
const (
	MemberCreated  = "Created"  // known, not invited yet
	MemberInvited  = "Invited"  // the invitation waits for its answer
	MemberEnabled  = "Enabled"  // associated and monitored
	MemberDisabled = "Disabled" // associated; monitoring was stopped
	MemberRemoved  = "Removed"  // the administrator ended it
	MemberResigned = "Resigned" // the member ended it, or declined
)

// Member is another account, as the installation's own, its administrator,
// knows it.
type Member struct {
	Account string `json:"account"`
	Email   string `json:"email,omitempty"`
	Status  string `json:"status"`
	// Organization says that it came by the organization, not by invitation.
	Organization bool `json:"organization,omitempty"`
	// InvitationID and InvitedAt are of the last invitation that the member has
	// not deleted.
	InvitationID string    `json:"invitationId,omitempty"`
	InvitedAt    time.Time `json:"invitedAt,omitzero"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// Associated reports whether the administrator administers the member now.
func (m *Member) Associated() bool { return m.Status == MemberEnabled || m.Status == MemberDisabled }

const selectMembers = `SELECT data FROM member`

// Members returns all members by account.
func (s *Store) Members(ctx context.Context) ([]Member, error) {
	out, err := scanMembers(s.query(ctx, selectMembers+` ORDER BY account`))
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return out, nil
}

// Member returns a member, or finding.ErrNotFound.
func (s *Store) Member(ctx context.Context, account string) (Member, error) {
	m, err := oneMember(s.query(ctx, selectMembers+` WHERE account = ?`, account))
	if err != nil {
		return m, fmt.Errorf("read member %s: %w", account, err)
	}
	return m, nil
}

// Administer runs fn in a commit of which only one runs at a time, over all
// processes: what fn reads stays as it is until it has written.
func (s *Store) Administer(ctx context.Context, fn func(tx *Tx) error) error {
	return s.administer(ctx, fn)
}

// Members returns all members by account.
func (tx *Tx) Members() ([]Member, error) {
	out, err := scanMembers(tx.query(selectMembers + ` ORDER BY account`))
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return out, nil
}

// Member returns a member, or finding.ErrNotFound.
func (tx *Tx) Member(account string) (Member, error) {
	m, err := oneMember(tx.query(selectMembers+` WHERE account = ?`, account))
	if err != nil {
		return m, fmt.Errorf("read member %s: %w", account, err)
	}
	return m, nil
}

// PutMember writes a member in the place of the one of its account.
func (tx *Tx) PutMember(m Member) error {
	data, err := json.Marshal(m)
	if err == nil {
		err = tx.do(`INSERT INTO member (account, data) VALUES (?, ?)
			ON CONFLICT (account) DO UPDATE SET data = excluded.data`, m.Account, string(data))
	}
	if err != nil {
		return fmt.Errorf("store member %s: %w", m.Account, err)
	}
	return nil
}

// DeleteMember forgets a member.
func (tx *Tx) DeleteMember(account string) error {
	if err := tx.do(`DELETE FROM member WHERE account = ?`, account); err != nil {
		return fmt.Errorf("delete member %s: %w", account, err)
	}
	return nil
}

// LiveDetectors returns the live detectors in id order.
func (tx *Tx) LiveDetectors() ([]finding.Detector, error) {
	texts, err := scanTexts(tx.query(`SELECT data FROM detector WHERE NOT deleted ORDER BY id`))
	if err != nil {
		return nil, fmt.Errorf("read detectors: %w", err)
	}
	out := make([]finding.Detector, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			return nil, fmt.Errorf("decode detector: %w", err)
		}
	}
	return out, nil
}

// ChangeDetector runs change on a live detector, or on a new one where there
// is none, and writes the result.
func (tx *Tx) ChangeDetector(fresh finding.Detector, change func(*finding.Detector) error) error {
	d, err := tx.liveDetector(fresh.ID)
	if errors.Is(err, finding.ErrNotFound) {
		d, err = fresh, nil
	}
	if err == nil {
		err = change(&d)
	}
	if err == nil {
		d.ID = fresh.ID
		err = tx.putDetector(d)
	}
	if err != nil {
		return fmt.Errorf("change detector %s: %w", fresh.ID, err)
	}
	return nil
}

func oneMember(rows result, err error) (Member, error) {
	all, err := scanMembers(rows, err)
	if err == nil && len(all) == 0 {
		err = finding.ErrNotFound
	}
	if err != nil {
		return Member{}, err
	}
	return all[0], nil
}

func scanMembers(rows result, err error) ([]Member, error) {
	texts, err := scanTexts(rows, err)
	if err != nil {
		return nil, err
	}
	out := slices.Grow([]Member{}, len(texts))
	for _, text := range texts {
		var m Member
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return nil, fmt.Errorf("decode member: %w", err)
		}
		out = append(out, m)
	}
	return out, nil
}
