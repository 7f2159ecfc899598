package finding

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseExpiry(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"2026-12-31", "2027-01-01T00:00:00Z"}, // the last day counts
		{"2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"},
		{"2026-12-31T18:00:00+02:00", "2026-12-31T16:00:00Z"},
		{"31.12.2026", ""},
		{"2026-13-01", ""},
		{"never", ""},
		{"2026-12-31 18:00", ""},
	} {
		at, err := ParseExpiry(tt.in)
		if tt.want == "" {
			if err == nil || !strings.Contains(err.Error(), tt.in) {
				t.Errorf("%s: %v, %v; want an error that names it", tt.in, at, err)
			}
			continue
		}
		if got := at.Format(time.RFC3339); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestExpiredAt(t *testing.T) {
	s, err := Tags{TagOwner: "o", TagReason: "r", TagExpires: "2026-12-31", "other": "x"}.Suppression()
	if err != nil || s.Owner != "o" || s.Reason != "r" {
		t.Fatalf("%+v, %v", s, err)
	}
	last := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	if s.ExpiredAt(last) || !s.ExpiredAt(last.Add(time.Second)) {
		t.Error("a date is the last day on which the rule works")
	}
	if never, err := (Tags{}).Suppression(); err != nil || never.ExpiredAt(last) {
		t.Errorf("a rule without expiry: %+v, %v", never, err)
	}
}

func TestDecodeFilter(t *testing.T) {
	want := Criteria{"type": {Equals: []string{"x"}, NotMatches: []string{"y*"}}}
	for _, in := range []string{
		`{"name":"n","action":"ARCHIVE","rank":3,"findingCriteria":{"criterion":{"type":{"equals":["x"],"notMatches":["y*"]}}}}`,
		`{"Name":"n","Action":"ARCHIVE","Rank":3,"FindingCriteria":{"Criterion":{"type":{"Eq":["x"],"Equals":["x"],"NotMatches":["y*"]}}}}`,
		`{"name":"n","version":4,"createdAt":1.5,"action":"ARCHIVE","rank":3,"tags":{},"findingCriteria":{"criterion":{"type":{"eq":["x"],"notMatches":["y*"]}}}}`,
	} {
		f, err := DecodeFilter([]byte(in))
		if err != nil || f.Name != "n" || f.Action != "ARCHIVE" || f.Rank != 3 || !reflect.DeepEqual(f.Criteria, want) {
			t.Errorf("%s:\n%+v, %v", in, f, err)
		}
	}
	if f, err := DecodeFilter([]byte(`{"criterion":{"type":{"equals":["x"],"notMatches":["y*"]}}}`)); err != nil || !reflect.DeepEqual(f.Criteria, want) {
		t.Errorf("criteria alone: %+v, %v", f, err)
	}
	for in, want := range map[string]string{
		``:                       "not the JSON of a filter",
		`[]`:                     "unexpected array",
		`{"name":"n"}`:           "there is no findingCriteria",
		`{"findingCriteria":{}}`: "at least one field",
		`{"findingCriteria":{"criterion":{"colour":{"equals":["red"]}}}}`: "colour: is not a known field",
		`{"findingCriteria":{"criterion":{"type":{"is":["x"]}}}}`:         `unknown condition "is"`,
		`{"findingCriteria":{"criteria":{}}}`:                             `unknown member "criteria"`,
		`{"criterion":{"type":{"equals":["x"]}},"owner":"me"}`:            `unknown member "owner"`,
		`{"findingCriteria":{"criterion":{}},"FindingCriteria":{}}`:       "given twice",
		`{"owner":"me","findingCriteria":{"criterion":{}}}`:               `no member "owner"`,
		`{"rank":"1","findingCriteria":{"criterion":{}}}`:                 "rank: unexpected string",
	} {
		if _, err := DecodeFilter([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// FuzzDecodeFilter: whatever is read can be matched.
func FuzzDecodeFilter(f *testing.F) {
	f.Add([]byte(`{"findingCriteria":{"criterion":{"type":{"equals":["x"]}}}}`))
	f.Add([]byte(`{"FindingCriteria":{"Criterion":{"severity":{"Gte":4},"id":{"Matches":["*a?"]}}}}`))
	f.Add([]byte(`{"criterion":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		flt, err := DecodeFilter(data)
		if err != nil {
			return
		}
		if _, err := flt.Criteria.Match(sampleFinding()); err != nil {
			t.Errorf("%q was read, and cannot be matched: %v", data, err)
		}
	})
}
