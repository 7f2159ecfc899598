package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// ListKind is what a list of the operator's is for. Its text is the word that
// paths and ARNs of the API have for it.
type ListKind string

// The kinds of lists.
const (
	IPSet            ListKind = "ipset"            // trusted addresses
	ThreatIntelSet   ListKind = "threatintelset"   // bad addresses
	TrustedEntitySet ListKind = "trustedentityset" // trusted addresses and domains
	ThreatEntitySet  ListKind = "threatentityset"  // bad addresses, domains and file hashes
)

// ListKinds are all of them.
func ListKinds() []ListKind {
	return []ListKind{IPSet, ThreatIntelSet, TrustedEntitySet, ThreatEntitySet}
}

// The statuses of a list, as the API has them. Those that end in ING or are
// PENDING are work for whoever carries out what was wished.
const (
	ListInactive      = "INACTIVE"
	ListActivating    = "ACTIVATING"
	ListActive        = "ACTIVE"
	ListDeactivating  = "DEACTIVATING"
	ListError         = "ERROR"
	ListDeletePending = "DELETE_PENDING"
	ListDeleted       = "DELETED"
)

// List is a list of the operator's: what was wished of it, and what is in force.
type List struct {
	ID                  string       `json:"id"`
	DetectorID          string       `json:"detectorId"`
	Kind                ListKind     `json:"kind"`
	Name                string       `json:"name"`
	Format              string       `json:"format"`
	Location            string       `json:"location"`
	ExpectedBucketOwner string       `json:"expectedBucketOwner,omitempty"`
	Status              string       `json:"status"`
	ErrorDetails        string       `json:"errorDetails,omitempty"`
	Tags                finding.Tags `json:"tags,omitempty"`
	ClientToken         string       `json:"clientToken,omitempty"` // of the call that created it
	CreatedAt           time.Time    `json:"createdAt"`
	UpdatedAt           time.Time    `json:"updatedAt"`
	DeletedAt           time.Time    `json:"deletedAt,omitzero"` // with the status DELETED

	// Wish counts what was asked for: activation, deactivation, deletion. A
	// result is for one wish, see SettleList. Applied is the last wish that
	// decided what is in force.
	Wish    int64 `json:"wish"`
	Applied int64 `json:"applied"`
	// Mark is how the source looked when it was last read, in the words of
	// whoever reads it.
	Mark string `json:"mark,omitempty"`

	// What is in force: SHA256 is of what was read, in hex; "" when nothing is.
	// Generation is of the change that brought or dropped it.
	SHA256     string    `json:"sha256,omitempty"`
	Entries    int       `json:"entries,omitempty"`
	ReadAt     time.Time `json:"readAt,omitzero"`
	Generation int64     `json:"generation"`
}

// InForce reports whether workers judge by the list.
func (l *List) InForce() bool { return l.SHA256 != "" }

const selectLists = `SELECT data FROM intel_list`

// ListOf returns a list, also one that is DELETED but not forgotten yet, or
// finding.ErrNotFound.
func (s *Store) ListOf(ctx context.Context, detectorID string, kind ListKind, id string) (List, error) {
	ls, err := scanLists(s.query(ctx, selectLists+` WHERE detector_id = ? AND kind = ? AND id = ?`, detectorID, string(kind), id))
	if err == nil && len(ls) == 0 {
		err = finding.ErrNotFound
	}
	if err != nil {
		return List{}, fmt.Errorf("read list %s: %w", id, err)
	}
	return ls[0], nil
}

// ListsOf returns a detector's lists of a kind by id, without those that are
// DELETED.
func (s *Store) ListsOf(ctx context.Context, detectorID string, kind ListKind) ([]List, error) {
	ls, err := scanLists(s.query(ctx, selectLists+` WHERE detector_id = ? AND kind = ? AND status <> ? ORDER BY id`,
		detectorID, string(kind), ListDeleted))
	if err != nil {
		return nil, fmt.Errorf("read lists: %w", err)
	}
	return ls, nil
}

// Lists returns the lists of all detectors by kind and id, without those that
// are DELETED.
func (s *Store) Lists(ctx context.Context) ([]List, error) {
	ls, err := scanLists(s.query(ctx, selectLists+` WHERE status <> ? ORDER BY kind, id`, ListDeleted))
	if err != nil {
		return nil, fmt.Errorf("read lists: %w", err)
	}
	return ls, nil
}

// ChangeLists shows change all lists of a kind that a live detector has, the
// DELETED ones too, and writes the one that it returns (nil: none), all in one
// transaction: so limits and names hold whoever else makes lists meanwhile. A
// list of a new id is created. What is in force stays as it is. A detector that
// is not there gives finding.ErrNotFound.
func (s *Store) ChangeLists(ctx context.Context, detectorID string, kind ListKind, change func(have []List) (*List, error)) error {
	err := s.administer(ctx, func(tx *Tx) error {
		if _, err := tx.liveDetector(detectorID); err != nil {
			return err
		}
		have, err := scanLists(tx.query(selectLists+` WHERE detector_id = ? AND kind = ? ORDER BY id`, detectorID, string(kind)))
		if err != nil {
			return err
		}
		l, err := change(slices.Clone(have))
		if err != nil || l == nil {
			return err
		}
		l.DetectorID, l.Kind = detectorID, kind
		var old List
		if i := slices.IndexFunc(have, func(h List) bool { return h.ID == l.ID }); i >= 0 {
			old = have[i]
		}
		l.Applied, l.SHA256, l.Entries, l.ReadAt, l.Generation = old.Applied, old.SHA256, old.Entries, old.ReadAt, old.Generation
		if l.InForce() && l.Name != old.Name { // findings show it
			if l.Generation, err = tx.nextLists(); err != nil {
				return err
			}
		}
		return tx.putList(l)
	})
	if err != nil {
		return fmt.Errorf("change lists: %w", err)
	}
	return nil
}

// ForgetLists removes lists that have been DELETED since before a moment, and
// what is known of workers that are gone.
func (s *Store) ForgetLists(ctx context.Context, before time.Time) error {
	err := s.administer(ctx, func(tx *Tx) error {
		gone, err := scanLists(tx.query(selectLists+` WHERE status = ?`, ListDeleted))
		if err != nil {
			return err
		}
		for _, l := range gone {
			if !l.DeletedAt.Before(before) {
				continue
			}
			if err := tx.do(`DELETE FROM intel_list WHERE id = ?`, l.ID); err != nil {
				return err
			}
		}
		return tx.do(`DELETE FROM intel_worker WHERE name NOT IN (SELECT name FROM worker)`)
	})
	if err != nil {
		return fmt.Errorf("forget lists: %w", err)
	}
	return nil
}

// deleteLists removes the lists of a detector, with what is in force.
func (tx *Tx) deleteLists(detectorID string) error {
	n, err := tx.exec(`DELETE FROM intel_list WHERE detector_id = ?`, detectorID)
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.nextLists()
	return err
}

func (tx *Tx) putList(l *List) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return tx.do(`INSERT INTO intel_list (id, detector_id, kind, status, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, data = excluded.data`,
		l.ID, l.DetectorID, string(l.Kind), l.Status, string(data))
}

func scanLists(rows result, err error) ([]List, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []List
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		var l List
		if err := json.Unmarshal(data, &l); err != nil {
			return nil, fmt.Errorf("decode list: %w", err)
		}
		out = append(out, l)
	}
	return out, rows.Err()
}
