package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Kind says how a field's values are written and compared.
type Kind string

// The kinds of fields. The texts below are what Flatten gives and what the
// values of equals are brought to.
const (
	KindString    Kind = "string"    // as it is
	KindText      Kind = "text"      // a string that may be long; not worth an index
	KindIP        Kind = "ip"        // an address in its shortest form; equals may name prefixes
	KindBool      Kind = "bool"      // "true" or "false"
	KindNumber    Kind = "number"    // decimal digits, no exponent
	KindTimestamp Kind = "timestamp" // Unix milliseconds
	KindSeverity  Kind = "severity"  // the whole part as text, the exact value as number
)

func (k Kind) known() bool {
	switch k {
	case KindString, KindText, KindIP, KindBool, KindNumber, KindTimestamp, KindSeverity:
		return true
	}
	return false
}

// Numeric reports whether values of the kind are compared and sorted as numbers.
func (k Kind) Numeric() bool { return k == KindNumber || k == KindTimestamp || k == KindSeverity }

// Value is one value of a field: always a text, and a number where the kind
// of the field has one.
type Value struct {
	Text     string
	Number   float64
	IsNumber bool
}

// flattenCode counts the changes of the code below that change values.
const flattenCode = "1"

func flattenVersion(tsv string) string {
	sum := sha256.Sum256([]byte(flattenCode + "\n" + tsv))
	return hex.EncodeToString(sum[:8])
}

// stringValue makes the value of a JSON string in a finding. What does not fit
// the kind keeps its text, so that it can still be seen and matched.
func (k Kind) stringValue(s string) Value {
	switch k {
	case KindIP:
		return Value{Text: addressText(s)}
	case KindBool:
		if b, ok := boolText(s); ok {
			return Value{Text: b}
		}
	case KindTimestamp:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return numberValue(float64(t.UnixMilli()))
		}
	case KindNumber, KindSeverity:
		if f, ok := parseNumber(s); ok {
			return k.numberValue(f)
		}
	}
	return Value{Text: s}
}

// jsonNumberValue makes the value of a JSON number in a finding, where a
// timestamp is Unix seconds with a fraction.
func (k Kind) jsonNumberValue(n json.Number) Value {
	f, ok := parseNumber(n.String())
	switch {
	case !ok:
		return Value{Text: n.String()}
	case k == KindTimestamp:
		return numberValue(math.Round(f * 1000))
	case k.Numeric():
		return k.numberValue(f)
	}
	return Value{Text: numberText(f)}
}

func (k Kind) numberValue(f float64) Value {
	if k == KindSeverity {
		return Value{Text: numberText(math.Trunc(f)), Number: f, IsNumber: true}
	}
	return numberValue(f)
}

func numberValue(f float64) Value { return Value{Text: numberText(f), Number: f, IsNumber: true} }

// criterionText brings a value of equals or notEquals to the form of Flatten's
// texts, or says why no finding could have it.
func (k Kind) criterionText(s string) (string, error) {
	switch k {
	case KindIP:
		return addressText(s), nil
	case KindBool:
		if b, ok := boolText(s); ok {
			return b, nil
		}
		return "", fmt.Errorf(`value %q is neither "true" nor "false"`, s)
	case KindTimestamp:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return numberText(float64(t.UnixMilli())), nil
		}
		if f, ok := parseNumber(s); ok {
			return numberText(f), nil
		}
		return "", fmt.Errorf("value %q is not a moment in Unix milliseconds", s)
	case KindNumber:
		if f, ok := parseNumber(s); ok {
			return numberText(f), nil
		}
		return "", fmt.Errorf("value %q is not a number", s)
	case KindSeverity:
		if f, ok := parseNumber(s); ok && f == math.Trunc(f) {
			return numberText(f), nil
		}
		return "", fmt.Errorf("value %q is not a whole number, by which a severity is matched", s)
	}
	return s, nil
}

func parseNumber(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

func numberText(f float64) string {
	if f == 0 {
		f = 0 // without the sign of a negative zero
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func boolText(s string) (string, bool) {
	s = strings.ToLower(s)
	return s, s == "true" || s == "false"
}

// addressText gives equal addresses equal texts.
func addressText(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	return a.Unmap().String()
}
