package access

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Shapes of a key, in characters. They are those of AWS, so that no client is surprised.
const (
	idPrefix  = "VDTA"
	idLen     = 20
	secretLen = 40
)

// MaxName is how many bytes the name of a person, or what a key is for, may have.
const MaxName = 256

// ErrNoKey is what a [Lookup] answers when no such key exists or it was revoked.
var ErrNoKey = errors.New("no such access key")

// Key is an access key with its secret in the clear. It lives only as long as
// a request is being checked, or until a new key has been printed.
type Key struct {
	ID     string // VDTA and 16 characters of A-Z2-7
	Secret string // 40 characters of A-Z a-z 0-9 - _
	Role   Role
	// Account is whose the key is, 12 digits; "" is the installation's own
	// account, the administrator of all others.
	Account string
}

// Lookup finds a key by id. "Not there" is ErrNoKey, through errors.Is; any
// other error means that the place where keys rest did not answer. It is
// called concurrently.
type Lookup func(ctx context.Context, id string) (Key, error)

// NewKey draws a key for a role from the system's randomness: 80 bits of id,
// 240 bits of secret.
func NewKey(role Role) (Key, error) {
	if _, err := ParseRole(string(role)); err != nil {
		return Key{}, fmt.Errorf("make access key: %w", err)
	}
	var b [10 + 30]byte
	rand.Read(b[:]) // never fails since Go 1.24; it stops the process instead
	return Key{
		ID:     idPrefix + base32.StdEncoding.EncodeToString(b[:10]),
		Secret: base64.RawURLEncoding.EncodeToString(b[10:]),
		Role:   role,
	}, nil
}

// ForAccount is the key as one of an account.
func (k Key) ForAccount(account string) (Key, error) {
	if !ValidAccount(account) {
		return Key{}, fmt.Errorf("account %q is not one: it must have 12 digits", account)
	}
	if k.Role == RoleIngest {
		return Key{}, errors.New("a key of role ingest belongs to no account: records say whose they are")
	}
	k.Account = account
	return k, nil
}

// ValidAccount reports whether s has the form of an account's number.
func ValidAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// ValidID reports whether s has the form of a key id.
func ValidID(s string) bool {
	if len(s) != idLen || s[:len(idPrefix)] != idPrefix {
		return false
	}
	for i := len(idPrefix); i < len(s); i++ {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Token is the bearer form of the key, for senders that cannot sign.
func (k Key) Token() string { return k.ID + "." + k.Secret }

// String names the key without its secret, so that a key that ends up in a
// log or an error gives nothing away.
func (k Key) String() string { return fmt.Sprintf("%s (%s)", k.ID, k.Role) }

// GoString does the same for %#v.
func (k Key) GoString() string { return fmt.Sprintf("access.Key{ID: %q, Role: %q}", k.ID, k.Role) }

// LogValue does the same for log/slog.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", k.ID), slog.String("role", string(k.Role)), slog.String("account", k.Account))
}
