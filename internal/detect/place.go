package detect

import (
	"net/netip"
	"strconv"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// locate fills in where the addresses of a claim are, wherever it shows one.
// Of private addresses, and of those that no database knows, nothing is said.
func (e *Engine) locate(s *finding.Signal) {
	a := &s.Action
	switch {
	case a.AWSAPICallAction != nil:
		e.place(a.AWSAPICallAction.RemoteIPDetails)
	case a.NetworkConnectionAction != nil:
		e.place(a.NetworkConnectionAction.RemoteIPDetails)
	case a.KubernetesAPICallAction != nil:
		e.place(a.KubernetesAPICallAction.RemoteIPDetails)
	case a.PortProbeAction != nil:
		for i := range a.PortProbeAction.PortProbeDetails {
			e.place(a.PortProbeAction.PortProbeDetails[i].RemoteIPDetails)
		}
	}
	if s.Detection == nil || s.Detection.Sequence == nil {
		return
	}
	for i := range s.Detection.Sequence.Endpoints {
		e.endpointPlace(&s.Detection.Sequence.Endpoints[i])
	}
}

func (e *Engine) place(d *finding.RemoteIPDetails) {
	if d == nil {
		return
	}
	p := e.opts.Geo.Lookup(parseAddr(d.IPAddressV4 + d.IPAddressV6))
	if p.CountryCode != "" {
		d.Country = &finding.Country{CountryCode: p.CountryCode, CountryName: p.CountryName}
	}
	if p.City != "" {
		d.City = &finding.City{CityName: p.City}
	}
	if p.Positioned {
		d.GeoLocation = &finding.GeoLocation{Lat: p.Latitude, Lon: p.Longitude}
	}
	if p.ASN != 0 || p.ISP != "" || p.Org != "" {
		d.Organization = &finding.Organization{ASNOrg: p.ASOrg, ISP: p.ISP, Org: p.Org}
		if p.ASN != 0 {
			d.Organization.ASN = strconv.FormatUint(uint64(p.ASN), 10)
		}
	}
}

func (e *Engine) endpointPlace(n *finding.NetworkEndpoint) {
	p := e.opts.Geo.Lookup(parseAddr(n.IP))
	if p.Positioned {
		n.Location = &finding.NetworkGeoLocation{City: p.City, Country: p.CountryName, Lat: p.Latitude, Lon: p.Longitude}
	}
	if p.ASN != 0 {
		n.AutonomousSystem = &finding.AutonomousSystem{Name: p.ASOrg, Number: int64(p.ASN)}
	}
}

// placeName names a place in a sentence.
func placeName(p geo.Place) string {
	if p.City != "" && p.CountryName != "" {
		return p.City + ", " + p.CountryName
	}
	return p.City + p.CountryName
}

// abroad reports whether two addresses are known to be in different countries,
// apart from each other.
func (c *apiCall) abroad(a, b netip.Addr) bool {
	p, q := c.opts.Geo.Lookup(a), c.opts.Geo.Lookup(b)
	km, ok := geo.Distance(p, q)
	return ok && km > 0 && p.CountryCode != q.CountryCode
}
