package detect

import (
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestPlaces: a finding says where an address is, if anybody knows.
func TestPlaces(t *testing.T) {
	lines, err := simulate.Records("UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B", t0)
	if err != nil {
		t.Fatal(err)
	}
	signals := trailEngine(false).Process(decodeLines(t, lines...)).Signals
	if len(signals) != 1 {
		t.Fatalf("%d signals", len(signals))
	}
	d := signals[0].Action.AWSAPICallAction.RemoteIPDetails
	if d.Country == nil || *d.Country != (finding.Country{CountryCode: "BR", CountryName: "Brazil"}) || d.City != nil || d.GeoLocation != nil || d.Organization != nil {
		t.Errorf("%+v %+v", d, d.Country)
	}
	e := trailEngine(false)
	for addr, known := range map[string]bool{"193.0.6.139": true, "2001:67c:2e8:25::c100:b21": true, "203.0.113.7": false, "2001:db8::1": false} {
		d := remoteIP([]string{addr})
		if e.place(d); (d.Country != nil) != known {
			t.Errorf("%s: %+v", addr, d.Country)
		}
	}
	private := remoteIP([]string{"10.0.0.1"})
	if e.place(private); private.Country == nil || private.Country.CountryCode != "" || private.Organization.ASN != "0" {
		t.Errorf("%+v", private)
	}
}
