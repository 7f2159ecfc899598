package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Session is who a login to the console is of.
type Session struct {
	Name    string `json:"name"` // as the audit log names the person
	Role    string `json:"role"`
	Account string `json:"account,omitempty"` // "": the installation's own
	// KeyID is the access key that the person logged in with; the session ends
	// with it. "" is a login link or an identity provider.
	KeyID   string    `json:"keyId,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// PutSession stores a session, or with link the offer of one, under a token of
// at least 128 random bits, of which only a hash is kept. What has expired goes.
func (s *Store) PutSession(ctx context.Context, token string, v Session, link bool) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		if err := tx.do(`DELETE FROM console_session WHERE expires <= ?`, s.options.Now().UnixNano()); err != nil {
			return err
		}
		return tx.putSession(token, v, link)
	})
	if err != nil {
		return fmt.Errorf("store session of %s: %w", v.Name, err)
	}
	return nil
}

func (tx *Tx) putSession(token string, v Session, link bool) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.do(`INSERT INTO console_session (hash, link, expires, data) VALUES (?, ?, ?, ?)`,
		tokenHash(token), flag(link), v.Expires.UnixNano(), string(data))
}

// Session returns the session of a token. One that is not there, is only a
// link or has expired gives finding.ErrNotFound.
func (s *Store) Session(ctx context.Context, token string) (Session, error) {
	return s.session(s.queryRow(ctx, selectSession, tokenHash(token), flag(false), s.options.Now().UnixNano()).Scan)
}

// Link returns what a login link that was not used yet would give.
func (s *Store) Link(ctx context.Context, token string) (Session, error) {
	return s.session(s.queryRow(ctx, selectSession, tokenHash(token), flag(true), s.options.Now().UnixNano()).Scan)
}

const selectSession = `SELECT data FROM console_session WHERE hash = ? AND link = ? AND expires > ?`

func (s *Store) session(scan func(...any) error) (Session, error) {
	var v Session
	var data string
	if err := scan(&data); err != nil {
		return v, fmt.Errorf("read session: %w", notFound(err))
	}
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		return v, fmt.Errorf("decode session: %w", err)
	}
	return v, nil
}

// UseLink ends a login link and stores the session in its place, in one
// commit: of two who use a link at once, one gets finding.ErrNotFound.
func (s *Store) UseLink(ctx context.Context, link, token string, expires time.Time) (Session, error) {
	var v Session
	err := s.Commit(ctx, func(tx *Tx) (err error) {
		now := s.options.Now().UTC()
		v, err = s.session(tx.queryRow(`DELETE FROM console_session WHERE hash = ? AND link = ? AND expires > ? RETURNING data`,
			tokenHash(link), flag(true), now.UnixNano()).Scan)
		if err != nil {
			return err
		}
		v.Created, v.Expires = now, expires
		return tx.putSession(token, v, false)
	})
	return v, err
}

// EndSession forgets a session. One that is not there is no error.
func (s *Store) EndSession(ctx context.Context, token string) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(`DELETE FROM console_session WHERE hash = ?`, tokenHash(token))
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// tokenHash is what is kept of a token. It is drawn at random, so that a plain
// hash gives nothing away.
func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
