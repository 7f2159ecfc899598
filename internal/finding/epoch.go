package finding

import (
	"math"
	"strconv"
	"time"
)

// Epoch is a moment that the wire writes as a JSON number of Unix seconds,
// with a fraction when there is one. The API also writes other moments as
// strings (see Timestamp); the two must not be mixed up, SDKs reject the other form.
type Epoch struct{ time.Time }

// MarshalJSON writes seconds with at most millisecond precision.
func (e Epoch) MarshalJSON() ([]byte, error) {
	ms := e.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(nil, ms/1000, 10), nil
	}
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', 3, 64), nil
}

// UnmarshalJSON reads seconds since the epoch.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	e.Time = time.UnixMilli(int64(math.Round(f * 1000))).UTC()
	return nil
}

// timestampLayout is the string form: ISO 8601, UTC, always three decimals.
const timestampLayout = "2006-01-02T15:04:05.000Z"

// Timestamp formats t as the wire's string form.
func Timestamp(t time.Time) string { return t.UTC().Format(timestampLayout) }

// ParseTimestamp reads the wire's string form.
func ParseTimestamp(s string) (time.Time, error) { return time.Parse(timestampLayout, s) }
