package store_test

import (
	"encoding/json"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/vedette-project/vedette/internal/finding"
)

// drawText makes texts from few, so that findings and criteria often meet;
// among them what SQL, patterns and JSON could stumble over.
var drawText = rapid.OneOf(
	rapid.SampledFrom([]string{"a", "b", "ab", "A", "", "1", "8", "8.50", "true", "false", "10.0.0.1", "10.255.0.1", "::ffff:10.0.0.1",
		"2001:db8::1", "*", "?", "a%", "a_", "'", `"`, "\\", "ß", "\u2028", "\x00", "a\x00b", "1777593600000", "2026-05-01T00:00:00.000Z"}),
	rapid.StringOfN(rapid.RuneFrom([]rune("ab8.:")), 0, 3, -1),
)

// drawFinding fills a finding of the wire types at random.
func drawFinding(t *rapid.T) *finding.Finding {
	f := new(finding.Finding)
	fill(t, reflect.ValueOf(f).Elem(), 0)
	if f.Service == nil {
		f.Service = new(finding.Service)
	}
	f.CreatedAt, f.UpdatedAt = finding.Timestamp(drawTime(t)), finding.Timestamp(drawTime(t))
	f.Severity = rapid.SampledFrom([]float64{1, 2, 5, 8, 8.5, 8.9, 10}).Draw(t, "severity")
	f.Service.AdditionalInfo = drawInfo(t)
	return f
}

func drawTime(t *rapid.T) time.Time {
	return day(0).Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "ms")) * time.Millisecond)
}

func drawInfo(t *rapid.T) *finding.ServiceAdditionalInfo {
	values := map[string]any{}
	for _, key := range []string{"sample", "threatListName", "inBytes", "context", "value", "type"} {
		switch rapid.IntRange(0, 5).Draw(t, "info") {
		case 0:
			values[key] = rapid.Bool().Draw(t, "bool")
		case 1:
			values[key] = drawText.Draw(t, "text")
		case 2:
			values[key] = rapid.SampledFrom([]any{1, 8.5, nil, []any{"a", 1, true}, map[string]any{"a": 1}}).Draw(t, "any")
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if rapid.IntRange(0, 4).Draw(t, "broken") == 0 {
		text = drawText.Draw(t, "value")
	}
	return &finding.ServiceAdditionalInfo{Value: text, Type: "default"}
}

// fill sets v at random, deeper places less often.
func fill(t *rapid.T, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if rapid.IntRange(0, 2+depth/2).Draw(t, "present") == 0 || depth == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth+1)
		}
	case reflect.Struct:
		if e, ok := v.Addr().Interface().(*finding.Epoch); ok {
			e.Time = drawTime(t)
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i), depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 { // raw JSON
			return
		}
		n := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.String:
		v.SetString(drawText.Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int64:
		v.SetInt(rapid.SampledFrom([]int64{0, 1, 8, 22, -1}).Draw(t, "int"))
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{0, 1, 8.5, 1e3}).Draw(t, "float"))
	}
}
