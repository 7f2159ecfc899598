package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxSkew is how far a request's date may be from ours, either way.
const maxSkew = 15 * time.Minute

const amzDateLayout = "20060102T150405Z"

// Verifier checks the SigV4 signature of requests. Fields that do not say so
// are needed; it is safe for concurrent use.
type Verifier struct {
	Service string // guardduty
	Region  string // the only region a credential scope may name
	Now     func() time.Time
	Lookup  Lookup
	// Token finds whose an ID token is that stands in the place of a signature,
	// as "Authorization: Bearer TOKEN"; nil takes none. A refusal is an *Error.
	Token func(ctx context.Context, token string) (Key, error)
}

// Verify finds whose signature the request carries. body is the body exactly
// as it was sent; r.Body is not touched.
//
// A refusal is an *Error. Any other error comes from Lookup or Token and says
// nothing about the request.
//
// X-Amz-Security-Token is tolerated: our keys have none, yet clients with
// ambient session credentials send one. When it is signed it is verified like
// any header; its value is not looked at.
func (v *Verifier) Verify(r *http.Request, body []byte) (Key, error) {
	if err := refusePresigned(r); err != nil {
		return Key{}, err
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return Key{}, errIncomplete("The request has several Authorization headers.")
	}
	if token, ok := BearerToken(r.Header.Get("Authorization")); ok && v.Token != nil {
		return v.Token(r.Context(), token)
	}
	a, refusal := parseAuthorization(r.Header.Get("Authorization"))
	if refusal != nil {
		return Key{}, refusal
	}
	at, refusal := v.checkScope(r, a)
	if refusal != nil {
		return Key{}, refusal
	}
	hash, refusal := payloadHash(r, body)
	if refusal != nil {
		return Key{}, refusal
	}
	canonical, refusal := canonicalRequest(r, a.signedHeaders, hash)
	if refusal != nil {
		return Key{}, refusal
	}
	k, err := v.Lookup(r.Context(), a.keyID)
	if errors.Is(err, ErrNoKey) {
		return Key{}, errUnknownKey()
	}
	if err != nil {
		return Key{}, fmt.Errorf("look up access key: %w", err)
	}
	// An empty secret would let anybody sign.
	if want := a.sign(k.Secret, at, canonical); k.Secret == "" || !hmac.Equal(want, a.signature) {
		return Key{}, errMismatch()
	}
	return k, nil
}

// refusePresigned keeps to one place where a signature may stand. GuardDuty
// clients do not presign, and a URL that grants access ends up in logs.
func refusePresigned(r *http.Request) error {
	_, query := target(r)
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		switch strings.ToLower(name) {
		case "x-amz-algorithm", "x-amz-credential", "x-amz-signature":
			return errIncomplete("Presigned URLs are not supported; sign with the Authorization header.")
		}
		if err != nil {
			return errInvalid("The query string is not well encoded.")
		}
	}
	return nil
}

// checkScope checks the credential scope and the date, and returns the
// request's time. The date is trusted only once the signature, which covers
// it, has been checked.
func (v *Verifier) checkScope(r *http.Request, a *authorization) (time.Time, *Error) {
	if a.region != v.Region {
		return time.Time{}, errInvalid("Credential should be scoped to a valid region, not '" + clip(a.region) + "'. This is '" + v.Region + "'.")
	}
	if a.service != v.Service {
		return time.Time{}, errInvalid("Credential should be scoped to correct service: '" + v.Service + "'.")
	}
	at, ok := requestTime(r)
	if !ok {
		return time.Time{}, errIncomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if a.date != at.Format("20060102") {
		return time.Time{}, errInvalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			clip(a.date) + "' != '" + at.Format("20060102") + "', from '" + at.Format(amzDateLayout) + "'.")
	}
	now := v.Now().UTC()
	if at.Before(now.Add(-maxSkew)) {
		return time.Time{}, errInvalid(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 15 min.)",
			at.Format(amzDateLayout), now.Add(-maxSkew).Format(amzDateLayout), now.Format(amzDateLayout)))
	}
	if at.After(now.Add(maxSkew)) {
		return time.Time{}, errInvalid(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			at.Format(amzDateLayout), now.Add(maxSkew).Format(amzDateLayout), now.Format(amzDateLayout)))
	}
	return at, nil
}

// requestTime reads X-Amz-Date or, without one, Date in either of its forms.
func requestTime(r *http.Request) (time.Time, bool) {
	if s := r.Header.Get("X-Amz-Date"); s != "" {
		t, err := time.Parse(amzDateLayout, s)
		return t, err == nil
	}
	s := r.Header.Get("Date")
	if t, err := time.Parse(amzDateLayout, s); err == nil {
		return t, true
	}
	t, err := http.ParseTime(s)
	return t.UTC(), err == nil
}

// payloadHash hashes the body as sent. A client that states the hash must
// state that one; UNSIGNED-PAYLOAD and the STREAMING forms are refused, since
// they would leave the body unprotected.
func payloadHash(r *http.Request, body []byte) (string, *Error) {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	stated := r.Header.Get("X-Amz-Content-Sha256")
	if stated != "" && subtle.ConstantTimeCompare([]byte(stated), []byte(hash)) != 1 {
		if len(stated) != len(hash) {
			return "", errInvalid("The value of 'x-amz-content-sha256' must be the SHA-256 of the payload; '" + clip(stated) + "' is not accepted.")
		}
		return "", errInvalid("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return hash, nil
}

// sign computes the signature that the holder of secret would have made.
func (a *authorization) sign(secret string, at time.Time, canonical string) []byte {
	sum := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{a.date, a.region, a.service, terminator}, "/")
	text := strings.Join([]string{algorithm, at.Format(amzDateLayout), scope, hex.EncodeToString(sum[:])}, "\n")
	key := mac([]byte("AWS4"+secret), a.date)
	key = mac(key, a.region)
	key = mac(key, a.service)
	key = mac(key, terminator)
	return mac(key, text)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
