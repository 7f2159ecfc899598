package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Times of a provider's keys.
const (
	keysFresh = 15 * time.Minute // how long they are used without a look
	keysStale = time.Hour        // how long they are used while the provider does not answer
	keysPause = 10 * time.Second // between looks, whatever tokens are sent to us
)

// minRSA is the least size of an RSA key, in bits.
const minRSA = 2048

// algorithms are the signatures that are taken. Those with a shared secret
// (HS256), and none, are not: any client of the provider could make them.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}
}

func algorithmNames() []string {
	var out []string
	for _, a := range algorithms() {
		out = append(out, string(a))
	}
	return out
}

// keySet is the provider's published keys, kept for a while. A key that the
// provider took back is forgotten with the next look. It is a gooidc.KeySet,
// as that library's own never forgets a key, and looks for each token that is wrong.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex // held while the provider is asked: one asks for all
	keys    []jose.JSONWebKey
	fetched time.Time // when keys were read
	tried   time.Time
	fault   error // of the last try
}

func newKeySet(url string, client *http.Client, now func() time.Time) *keySet {
	return &keySet{url: url, client: client, now: now}
}

// VerifySignature returns what a token says, if one of the keys signed it.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		return nil, errors.New("it is not a signed token")
	}
	keys, err := k.current(ctx, keysFresh)
	if err != nil {
		return nil, err
	}
	if payload, ok := verify(jws, keys); ok {
		return payload, nil
	}
	// The provider may have begun to use a new key.
	if keys, err = k.current(ctx, keysPause); err != nil {
		return nil, err
	}
	if payload, ok := verify(jws, keys); ok {
		return payload, nil
	}
	return nil, errors.New("none of the provider's keys signed it")
}

// verify tries the keys that the token's key id names. A token without one may
// be of any key.
func verify(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	header := jws.Signatures[0].Header
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// current returns keys that are not older than that, if the provider answers.
func (k *keySet) current(ctx context.Context, age time.Duration) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if len(k.keys) > 0 && now.Sub(k.fetched) < age {
		return k.keys, nil
	}
	if k.tried.IsZero() || now.Sub(k.tried).Abs() >= keysPause {
		k.tried = now
		var keys []jose.JSONWebKey
		if keys, k.fault = k.fetch(ctx); k.fault == nil {
			k.keys, k.fetched = keys, now
		}
	}
	if len(k.keys) > 0 && now.Sub(k.fetched) < keysStale {
		return k.keys, nil
	}
	return nil, k.fault
}

func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	failed := func(err error) ([]jose.JSONWebKey, error) {
		return nil, fmt.Errorf("%w: read its keys: %s", ErrUnavailable, clean(err.Error()))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return failed(err)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return failed(err)
	}
	if resp.StatusCode != http.StatusOK {
		return failed(errors.New("it answered " + resp.Status))
	}
	keys, err := parseKeys(body)
	if err != nil {
		return failed(err)
	}
	return keys, nil
}

// parseKeys reads a JSON Web Key Set. Keys that are of no use here are left
// out; a set without any that is, is an error.
func parseKeys(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no key set: %w", err)
	}
	var out []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && usable(&key) {
			out = append(out, key)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("of its %d keys none is for signatures by RS256, ES256 or EdDSA", len(set.Keys))
	}
	return out, nil
}

// usable reports whether a key may prove a token: one of two halves, the
// public one, strong enough, and not meant for something else.
func usable(k *jose.JSONWebKey) bool {
	if k.Use != "" && k.Use != "sig" || !k.Valid() {
		return false
	}
	var algorithm jose.SignatureAlgorithm
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		algorithm = jose.RS256
		if key.N.BitLen() < minRSA {
			return false
		}
	case *ecdsa.PublicKey:
		algorithm = jose.ES256
		if key.Curve != elliptic.P256() {
			return false
		}
	case ed25519.PublicKey:
		algorithm = jose.EdDSA
	default:
		return false
	}
	return k.Algorithm == "" || k.Algorithm == string(algorithm)
}
