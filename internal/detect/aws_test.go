package detect

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

func TestFunctionOf(t *testing.T) {
	const id = "-4f1a2b3c-0000-4111-8222-933344445555"
	for description, want := range map[string]string{
		"AWS Lambda VPC ENI-orders" + id:                           "orders",
		"AWS Lambda VPC ENI-orders-export" + id:                    "orders-export",
		"AWS Lambda VPC ENI" + id:                                  "",
		"AWS Lambda VPC ENI-" + id[1:]:                             "",
		"AWS Lambda VPC ENI: 4f1a2b3c-0000-4111-8222-933344445555": "",
		"AWS Lambda VPC ENI-orders-" + strings.Repeat("x", 36):     "",
		"ELB app/web/1": "",
		"":              "",
	} {
		if got := functionOf(description); got != want {
			t.Errorf("%q is of %q, want %q", description, got, want)
		}
	}
}

// TestSettingInAnyOrder: in whatever order calls are told of, what is remembered
// in the end is the latest, and what was before a call is never what came after.
func TestSettingInAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		at := rnd.Perm(10)
		var s setting[int]
		for i, n := range at {
			now := time.Unix(int64(1000+n), 0)
			if v := s.before(now); v != nil && *v > n {
				t.Fatalf("%v: before %d it was %d", at[:i+1], n, *v)
			}
			s.tell(n, now)
		}
		if s.Value == nil || *s.Value != 9 {
			t.Fatalf("%v leaves %v", at, s.Value)
		}
	}
}

// TestDescribedOnlyByLookups: an answer describes instances in the record of a
// lookup, and in no other.
func TestDescribedOnlyByLookups(t *testing.T) {
	trail := &event.Trail{EventType: LookupEvent, Response: []byte(`{"instancesSet":{"items":[{"instanceId":"i-0a1b2c3d","imageId":"ami-1"},{"imageId":"ami-2"}]}}`)}
	if d := Described(trail); len(d) != 1 || d[0].ImageID != "ami-1" {
		t.Errorf("%+v", d)
	}
	trail.EventType = "AwsApiCall"
	if d := Described(trail); len(d) != 0 {
		t.Errorf("%+v", d)
	}
}
