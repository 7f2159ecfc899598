package ingest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// digest is a digest file of CloudTrail: what it delivered in an hour, and a
// link to the digest before. What is missing, changed or forged shows against
// it.
type digest struct {
	Account     string       `json:"awsAccountId"`
	Start       time.Time    `json:"digestStartTime"`
	End         time.Time    `json:"digestEndTime"`
	EndText     string       `json:"-"` // as it was written, and signed
	Bucket      string       `json:"digestS3Bucket"`
	Key         string       `json:"digestS3Object"`
	Fingerprint string       `json:"digestPublicKeyFingerprint"`
	Algorithm   string       `json:"digestSignatureAlgorithm"`
	Previous    previous     `json:"-"`
	Files       []digestFile `json:"logFiles"`
}

// previous is the digest before; nothing of it is there in the first one after
// logging was switched on.
type previous struct {
	Bucket    string `json:"previousDigestS3Bucket"`
	Key       string `json:"previousDigestS3Object"`
	Hash      string `json:"previousDigestHashValue"`
	HashBy    string `json:"previousDigestHashAlgorithm"`
	Signature string `json:"previousDigestSignature"`
}

type digestFile struct {
	Bucket string `json:"s3Bucket"`
	Key    string `json:"s3Object"`
	Hash   string `json:"hashValue"` // of the decompressed content
	HashBy string `json:"hashAlgorithm"`
}

// The only algorithms that CloudTrail uses.
const (
	digestHash      = "SHA-256"
	digestSignature = "SHA256withRSA"
)

// parseDigest reads the decompressed content of a digest.
func parseDigest(content []byte) (*digest, error) {
	var d digest
	var end struct {
		Text string `json:"digestEndTime"`
	}
	err := errors.Join(json.Unmarshal(content, &d), json.Unmarshal(content, &end))
	if err == nil {
		err = json.Unmarshal(content, &d.Previous)
	}
	if err != nil {
		return nil, fmt.Errorf("it is no digest of CloudTrail: %w", err)
	}
	d.EndText = end.Text
	if d.Bucket == "" || d.Key == "" || d.Start.IsZero() || d.End.IsZero() || d.End.Before(d.Start) || d.Fingerprint == "" {
		return nil, errors.New("it is no digest of CloudTrail: digestS3Bucket, digestS3Object, digestStartTime, digestEndTime or digestPublicKeyFingerprint is missing or wrong")
	}
	for i, f := range d.Files {
		if f.Bucket == "" || f.Key == "" || f.HashBy != digestHash {
			return nil, fmt.Errorf("logFiles[%d]: it names no object with a hash by %s", i, digestHash)
		}
	}
	return &d, nil
}

// signed is the text that the signature of a digest is of.
func (d *digest) signed(content []byte) []byte {
	sum := sha256.Sum256(content)
	before := d.Previous.Signature
	if before == "" {
		before = "null"
	}
	return []byte(d.EndText + "\n" + d.Bucket + "/" + d.Key + "\n" + hex.EncodeToString(sum[:]) + "\n" + before)
}

// verify checks the signature of a digest.
func (d *digest) verify(content []byte, signature, algorithm string, key *rsa.PublicKey) error {
	if algorithm != digestSignature || d.Algorithm != digestSignature {
		return fmt.Errorf("it is signed by %q, not by %s", algorithm, digestSignature)
	}
	sig, err := hex.DecodeString(signature)
	if err != nil || len(sig) == 0 {
		return errors.New("its signature, in the metadata of the object, is missing or not hexadecimal")
	}
	sum := sha256.Sum256(d.signed(content))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		return errors.New("its signature is not that of AWS: the digest was changed, or is forged")
	}
	return nil
}

// isBackfill reports whether a digest was written later, for files that the
// ordinary one missed. They are a chain of their own.
func isBackfill(key string) bool { return strings.HasSuffix(key, "_backfill.json.gz") }

// chainOf names the chain that a digest belongs to: those of one trail in one
// account and Region. The name of a digest ends with a time.
func chainOf(bucket, key string) string {
	name := keyStamp.ReplaceAllString(path.Base(key), "")
	dir := key
	if m := keyDay.FindStringIndex(key); m != nil {
		dir = key[:m[0]]
	}
	return bucket + "/" + strings.TrimSuffix(dir, "/") + "/" + name
}

// PublicKey is a key that CloudTrail signs digests with, for a time.
type PublicKey struct {
	Fingerprint string
	From, Until time.Time
	Key         *rsa.PublicKey
}

// ParsePublicKeys reads what `aws cloudtrail list-public-keys` prints, which is
// also what the API answers.
func ParsePublicKeys(b []byte) ([]PublicKey, string, error) {
	var list struct {
		Keys []struct {
			Value       []byte          `json:"Value"` // DER of PKCS #1
			From        json.RawMessage `json:"ValidityStartTime"`
			Until       json.RawMessage `json:"ValidityEndTime"`
			Fingerprint string          `json:"Fingerprint"`
		} `json:"PublicKeyList"`
		Next string `json:"NextToken"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, "", fmt.Errorf("it is not what `aws cloudtrail list-public-keys` prints: %w", err)
	}
	var out []PublicKey
	for _, k := range list.Keys {
		key, err := x509.ParsePKCS1PublicKey(k.Value)
		if err != nil {
			return nil, "", fmt.Errorf("the public key %s: %w", k.Fingerprint, err)
		}
		one := PublicKey{Fingerprint: k.Fingerprint, Key: key}
		if one.From, err = anyTime(k.From); err == nil {
			one.Until, err = anyTime(k.Until)
		}
		if err != nil {
			return nil, "", fmt.Errorf("the public key %s: %w", k.Fingerprint, err)
		}
		out = append(out, one)
	}
	return out, list.Next, nil
}

// anyTime reads a time as the API writes it, in seconds, or as the command does.
func anyTime(b json.RawMessage) (time.Time, error) {
	var seconds float64
	if json.Unmarshal(b, &seconds) == nil {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	var t time.Time
	if len(b) == 0 {
		return t, errors.New("ValidityStartTime or ValidityEndTime is missing")
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("%s is not a time", b)
	}
	return t, nil
}
