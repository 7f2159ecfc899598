package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

// BearerToken takes the token out of an Authorization header. The scheme is
// matched without regard to case, as HTTP asks.
func BearerToken(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// CheckToken finds the key of a token of the form `<key id>.<secret>`. The
// secret is compared in constant time. A refusal is an *Error; any other error
// comes from lookup.
func CheckToken(ctx context.Context, token string, lookup Lookup) (Key, error) {
	if token == "" {
		return Key{}, errMissingToken()
	}
	id, secret, ok := strings.Cut(token, ".")
	if !ok || !ValidID(id) {
		return Key{}, errUnknownKey()
	}
	k, err := lookup(ctx, id)
	if errors.Is(err, ErrNoKey) {
		return Key{}, errUnknownKey()
	}
	if err != nil {
		return Key{}, fmt.Errorf("look up access key: %w", err)
	}
	// Hashing first makes the lengths equal, so that not even they leak.
	want, got := sha256.Sum256([]byte(k.Secret)), sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 || k.Secret == "" {
		return Key{}, errUnknownKey()
	}
	return k, nil
}
