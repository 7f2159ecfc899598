// Package otlp has the parts that every request of OTLP shares in its mapping to
// JSON, and how an answer is read: spans and log records are with who sends them.
// In that mapping 64-bit numbers are in quotes, ids are hex and enumerations are
// numbers.
package otlp

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Resource says whose spans or records they are.
type Resource struct {
	Attributes []Attribute `json:"attributes"`
}

// Scope is what made the spans or records.
type Scope struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Attribute is a fact.
type Attribute struct {
	Key   string `json:"key"`
	Value Value  `json:"value"`
}

// Value is a text or a number: one of the two is set.
type Value struct {
	Text *string `json:"stringValue,omitempty"`
	Int  *string `json:"intValue,omitempty"`
}

// Text is an attribute that is a text.
func Text(key, value string) Attribute { return Attribute{key, Value{Text: &value}} }

// Int is an attribute that is a number.
func Int(key string, value int64) Attribute {
	digits := strconv.FormatInt(value, 10)
	return Attribute{key, Value{Int: &digits}}
}

// Nano is a time.
func Nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// Rejected reads from the answer to a request how many of its spans or records
// were not taken, and what the receiver says of that. OTLP neither tells which
// ones nor lets them be sent again. An answer that is no such JSON rejects none.
func Rejected(answer []byte) (n int, message string) {
	var a struct {
		PartialSuccess struct {
			Spans   count  `json:"rejectedSpans"`
			Records count  `json:"rejectedLogRecords"`
			Message string `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	_ = json.Unmarshal(answer, &a)
	p := &a.PartialSuccess
	return int(max(p.Spans, p.Records, 0)), p.Message // an answer has one of the two
}

// count is a number, or one in quotes: receivers write both. What is neither is
// none, since the rest of the answer still counts.
type count int

func (c *count) UnmarshalJSON(text []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(text), `"`))
	if err != nil {
		n = 0
	}
	*c = count(n)
	return nil
}
