package app

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// claims are what a token says of itself. Nothing here is proven: they say which
// cluster to ask, and spare it questions that cannot end well.
type claims struct {
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"`
	Expires  float64  `json:"exp"` // seconds since 1970
}

// audience is one text or a list of them.
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// maxToken bounds a token of a service account; real ones have about 1 KiB.
const maxToken = 8 << 10

// readClaims reads the middle part of a token; nil if it is none.
func readClaims(token string) *claims {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var c claims
	if json.Unmarshal(text, &c) != nil {
		return nil
	}
	return &c
}

// expires is when the token ends; long ago if it does not say.
func (c *claims) expires() time.Time {
	if math.IsNaN(c.Expires) || c.Expires <= 0 || c.Expires > math.MaxInt32*100 {
		return time.Time{}
	}
	return time.Unix(int64(c.Expires), 0)
}
