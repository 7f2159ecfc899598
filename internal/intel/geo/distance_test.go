package geo

import (
	"math"
	"testing"
)

func in(code string) Place { return Place{CountryCode: code} }

func at(lat, lon float64) Place { return Place{Latitude: lat, Longitude: lon, Positioned: true} }

func TestDistance(t *testing.T) {
	berlin, newYork, sydney := at(52.52, 13.405), at(40.7128, -74.006), at(-33.8688, 151.2093)
	vague := at(37.751, -97.822) // the middle of the United States
	vague.CountryCode, vague.AccuracyKM = "US", 1000
	exact := newYork
	exact.CountryCode = "US"
	for _, tt := range []struct {
		name     string
		a, b     Place
		low, top float64
	}{
		// Great-circle distances as any atlas has them.
		{"Berlin to New York", berlin, newYork, 6380, 6390},
		{"Berlin to Sydney", berlin, sydney, 16090, 16100},
		{"pole to pole", at(90, 0), at(-90, 77), 20015, 20016},
		{"over the date line", at(0, 179.5), at(0, -179.5), 111, 112},
		{"the same", berlin, berlin, 0, 0},
		// Of countries, what they are apart at least.
		{"the same country", in("US"), in("US"), 0, 0},
		{"the same country, one exact", in("US"), exact, 0, 0},
		{"neighbours", in("US"), in("CA"), 0, 0},
		{"neighbours", in("NO"), in("RU"), 0, 0},
		{"neighbours", in("NL"), in("BE"), 0, 0},
		{"Germany and Japan", in("DE"), in("JP"), 6000, 9300},
		{"Nigeria and Brazil", in("NG"), in("BR"), 3000, 7500},
		{"Ireland and Australia", in("IE"), in("AU"), 11500, 15500},
		{"Berlin and the United States", berlin, in("US"), 4000, 6400},
		{"two cities of which one is vague", vague, exact, 900, 1100},
	} {
		km, ok := Distance(tt.a, tt.b)
		back, _ := Distance(tt.b, tt.a)
		if !ok || km < tt.low || km > tt.top || km != back || km != math.Trunc(km) {
			t.Errorf("%s: %v %v, back %v; want %v to %v", tt.name, km, ok, back, tt.low, tt.top)
		}
	}
	for _, tt := range [][2]Place{{{}, berlin}, {in("DE"), {}}, {in("ZZ"), in("DE")}, {{}, {}}} {
		if km, ok := Distance(tt[0], tt[1]); ok || km != 0 {
			t.Errorf("%+v: %v %v", tt, km, ok)
		}
	}
}
