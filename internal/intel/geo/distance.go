package geo

import "math"

const earthRadius = 6371.0088 // km, the mean one

// Distance is how far apart two places are at least, and whether that can be
// said. A position counts as exact as its database says it is; of a place that
// has none but its country, the nearest that country may reach is meant. So two
// places in one country, or in neighbouring ones, of which no more is known, are
// 0 km apart, and what is said to be far really is. The kilometres are whole, so
// that processors which differ in the last bit of a sine agree.
func Distance(a, b Place) (km float64, ok bool) {
	p, aok := middle(a)
	q, bok := middle(b)
	if !aok || !bok {
		return 0, false
	}
	if a.CountryCode != "" && a.CountryCode == b.CountryCode && !(a.Positioned && b.Positioned) {
		return 0, true
	}
	return math.Round(max(0, greatCircle(p, q)-p.reach-q.reach)), true
}

// middle is a circle in which a place must be.
func middle(p Place) (country, bool) {
	if p.Positioned {
		return country{latitude: p.Latitude, longitude: p.Longitude, reach: float64(p.AccuracyKM)}, true
	}
	c, ok := countries()[p.CountryCode]
	return c, ok
}

// greatCircle is the haversine distance.
func greatCircle(a, b country) float64 {
	const rad = math.Pi / 180
	lat1, lat2 := a.latitude*rad, b.latitude*rad
	s, t := math.Sin((lat2-lat1)/2), math.Sin((b.longitude-a.longitude)*rad/2)
	h := s*s + math.Cos(lat1)*math.Cos(lat2)*t*t
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}
