package access

import (
	"encoding/hex"
	"slices"
	"strings"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
)

// maxAuthorization bounds the header in bytes; those of the SDKs have about 300.
const maxAuthorization = 8 << 10

// authorization is a parsed Authorization header.
type authorization struct {
	keyID         string
	date          string // YYYYMMDD of the credential scope
	region        string
	service       string
	signedHeaders []string // lower case, sorted, distinct, host among them
	signature     []byte   // 32 bytes
}

// parseAuthorization reads
//
//	AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
//
// Spaces after the commas are optional, the order of the three parts is free,
// each must be there once.
func parseAuthorization(header string) (*authorization, *Error) {
	if strings.TrimSpace(header) == "" {
		return nil, errMissingToken()
	}
	if len(header) > maxAuthorization {
		return nil, errIncomplete("Authorization header is too long.")
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if scheme != algorithm { // which is not repeated: it may be a secret without a scheme
		return nil, errIncomplete("Unsupported AWS 'algorithm'. Use " + algorithm + ".")
	}
	parts := make(map[string]string, 3)
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, dup := parts[name]; !ok || dup {
			return nil, errIncomplete("Authorization header is malformed.")
		}
		parts[name] = value
	}
	for _, name := range [...]string{"Credential", "Signature", "SignedHeaders"} {
		if parts[name] == "" {
			return nil, errIncomplete("Authorization header requires '" + name + "' parameter.")
		}
	}
	a := &authorization{}
	if err := a.setCredential(parts["Credential"]); err != nil {
		return nil, err
	}
	if err := a.setSignedHeaders(parts["SignedHeaders"]); err != nil {
		return nil, err
	}
	sig, err := hex.DecodeString(parts["Signature"])
	if err != nil || len(sig) != 32 {
		return nil, errIncomplete("Authorization header's 'Signature' must be 64 hex digits.")
	}
	a.signature = sig
	return a, nil
}

func (a *authorization) setCredential(s string) *Error {
	f := strings.Split(s, "/")
	if len(f) != 5 || slices.Contains(f, "") {
		// It is not repeated: who takes his secret for his key's id has slashes in it.
		return errIncomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
	}
	if f[4] != terminator {
		return errInvalid("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + clip(f[4]) + "'.")
	}
	a.keyID, a.date, a.region, a.service = f[0], f[1], f[2], f[3]
	return nil
}

func (a *authorization) setSignedHeaders(s string) *Error {
	names := strings.Split(s, ";")
	for i, n := range names {
		if n == "" || n != strings.ToLower(n) || (i > 0 && names[i-1] >= n) {
			return errIncomplete("SignedHeaders must be distinct, in lower case and sorted.")
		}
	}
	// Without the host a signature made for another server would pass here.
	if !slices.Contains(names, "host") {
		return errInvalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	a.signedHeaders = names
	return nil
}

// clip bounds what is echoed from a request to 64 printable ASCII bytes.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '\'' {
			return '?'
		}
		return r
	}, s[:min(len(s), 64)])
	return s
}
