package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// setKind is what the operations of one kind of list have of their own.
type setKind struct {
	kind store.ListKind
	noun string // in the names of operations
	id   string // the member of an answer that holds the id
	path string // the part of the path that holds it
	max  int    // lists of the kind in an account and Region
	// unique says that each has a name of its own.
	unique bool
}

// setKinds are the four kinds with GuardDuty's quotas.
func setKinds() []setKind {
	return []setKind{
		{store.IPSet, "IPSet", "ipSetId", "IpSetId", 1, true},
		{store.ThreatIntelSet, "ThreatIntelSet", "threatIntelSetId", "ThreatIntelSetId", 6, true},
		{store.TrustedEntitySet, "TrustedEntitySet", "trustedEntitySetId", "TrustedEntitySetId", 1, false},
		{store.ThreatEntitySet, "ThreatEntitySet", "threatEntitySetId", "ThreatEntitySetId", 6, false},
	}
}

// setFormats are the values of format.
func setFormats() []string {
	return []string{"TXT", "STIX", "OTX_CSV", "ALIEN_VAULT", "PROOF_POINT", "FIRE_EYE"}
}

var (
	setName     = regexp.MustCompile(`^[A-Za-z0-9 _-]+$`)
	bucketOwner = regexp.MustCompile(`^[0-9]{12}$`)
)

// setHandlers adds the operations of all kinds of lists.
func (s *server) setHandlers(to map[string]handler) {
	for _, k := range setKinds() {
		with := func(h func(context.Context, *call, setKind) (any, error)) handler {
			return func(ctx context.Context, c *call) (any, error) { return h(ctx, c, k) }
		}
		to["Create"+k.noun] = with(s.createSet)
		to["Get"+k.noun] = with(s.getSet)
		to["List"+k.noun+"s"] = with(s.listSets)
		to["Update"+k.noun] = with(s.updateSet)
		to["Delete"+k.noun] = with(s.deleteSet)
	}
}

// noSet says that there is no list of an id, in GuardDuty's words.
func (k setKind) noSet() error {
	return bad("The request is rejected because an invalid " + k.id + " is specified.")
}

// gone reports whether a list is deleted, or about to be: it cannot be changed
// and counts for no limit.
func gone(l *store.List) bool {
	return l.Status == store.ListDeletePending || l.Status == store.ListDeleted
}

// createSet writes what is wished of a new list. What becomes of it is seen in
// its status.
func (s *server) createSet(ctx context.Context, c *call, k setKind) (any, error) {
	now := wireNow(s.Now)
	l := store.List{ID: newID(), Status: store.ListInactive, CreatedAt: now, UpdatedAt: now, Wish: 1}
	for _, name := range []string{"name", "format", "location", "activate"} {
		if !c.body.has(name) {
			return nil, missing(name)
		}
	}
	var err error
	if l.ClientToken, l.Tags, err = readCreation(c.body); err != nil {
		return nil, err
	}
	if l.Format, _, err = c.body.enum("format", setFormats()...); err != nil {
		return nil, err
	}
	if err := applySetSettings(&l, c.body); err != nil {
		return nil, err
	}
	err = s.changeSets(ctx, c, k, func(have []store.List) (*store.List, error) {
		have = slices.DeleteFunc(have, func(old store.List) bool { return gone(&old) })
		for _, old := range have {
			if l.ClientToken != "" && old.ClientToken == l.ClientToken { // a retry
				l.ID = old.ID
				return nil, nil
			}
		}
		if len(have) >= k.max {
			return nil, bad("The request is rejected because " + k.id[:len(k.id)-len("Id")] + " limit has exceeded.")
		}
		return &l, k.freeName(have, &l)
	})
	if err != nil {
		return nil, err
	}
	return map[string]string{k.id: l.ID}, nil
}

// freeName checks that no other list has the name.
func (k setKind) freeName(have []store.List, l *store.List) error {
	if k.unique && slices.ContainsFunc(have, func(old store.List) bool { return old.Name == l.Name && old.ID != l.ID && !gone(&old) }) {
		return badParam("name", "another list of the account has it")
	}
	return nil
}

// changeSets changes one of the lists of the detector that the path names.
func (s *server) changeSets(ctx context.Context, c *call, k setKind, change func([]store.List) (*store.List, error)) error {
	err := s.Store.ChangeLists(ctx, c.detectorID(), k.kind, change)
	if errors.Is(err, finding.ErrNotFound) {
		return bad(textNotOwned)
	}
	return err
}

// changeSet changes the list that the path names.
func (s *server) changeSet(ctx context.Context, c *call, k setKind, change func(l *store.List, have []store.List) error) error {
	return s.changeSets(ctx, c, k, func(have []store.List) (*store.List, error) {
		id := c.r.PathValue(k.path)
		i := slices.IndexFunc(have, func(l store.List) bool { return l.ID == id })
		if i < 0 || gone(&have[i]) {
			return nil, k.noSet()
		}
		l := have[i]
		return &l, change(&l, have)
	})
}

func (s *server) updateSet(ctx context.Context, c *call, k setKind) (any, error) {
	now := wireNow(s.Now)
	return nil, s.changeSet(ctx, c, k, func(l *store.List, have []store.List) error {
		l.UpdatedAt = now
		if err := applySetSettings(l, c.body); err != nil {
			return err
		}
		return k.freeName(have, l)
	})
}

// deleteSet wishes a list away. It is gone when no worker judges by it any more.
func (s *server) deleteSet(ctx context.Context, c *call, k setKind) (any, error) {
	now := wireNow(s.Now)
	return nil, s.changeSet(ctx, c, k, func(l *store.List, _ []store.List) error {
		l.Status, l.ErrorDetails, l.UpdatedAt = store.ListDeletePending, "", now
		l.Wish++
		return nil
	})
}

// applySetSettings reads what creation and update have in common. A list that
// is used is read again when it is activated once more, and when it is to be
// read from elsewhere.
func applySetSettings(l *store.List, body object) error {
	name, given, err := body.text("name", 1, 300)
	if err != nil {
		return err
	}
	if given {
		if !setName.MatchString(name) {
			return badParam("name", "may have letters, digits, spaces, '-' and '_' only")
		}
		l.Name = name
	}
	location, given, err := body.text("location", 1, 300)
	if err != nil {
		return err
	}
	moved := given && location != l.Location
	if given {
		if _, err := ParseLocation(location); err != nil {
			return badParam("location", err.Error())
		}
		l.Location = location
	}
	owner, given, err := body.text("expectedBucketOwner", 1, 300)
	if err != nil {
		return err
	}
	if given {
		if !bucketOwner.MatchString(owner) {
			return badParam("expectedBucketOwner", "must be an account id of 12 digits")
		}
		moved = moved || owner != l.ExpectedBucketOwner
		l.ExpectedBucketOwner = owner
	}
	activate, given, err := body.boolean("activate")
	if err != nil {
		return err
	}
	wish(l, moved, given, activate)
	return nil
}

// wish sets the status that asks for what is wanted.
func wish(l *store.List, moved, given, activate bool) {
	used := l.Status != store.ListInactive && l.Status != store.ListDeactivating
	switch {
	case given && activate, !given && moved && used:
		l.Status = store.ListActivating
	case given && used:
		l.Status = store.ListDeactivating
	default:
		return
	}
	l.ErrorDetails = ""
	l.Wish++
}

// newID draws the id of a list: 32 hex digits.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
