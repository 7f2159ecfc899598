package geo

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"

	"github.com/vedette-project/vedette/internal/intel/geo/ranges"
)

// countryTable is made by hack/geodata.
//
//go:embed country.vrt
var countryTable []byte

// builtinData is a table and the place that each of its labels stands for.
type builtinData struct {
	table  *ranges.Table
	places []Place
}

// builtin is read at the first look-up, which many runs never make.
var builtin = sync.OnceValue(func() builtinData {
	t, err := ranges.Decode(countryTable)
	if err != nil { // the data is part of the program and tested with it
		panic(fmt.Sprintf("geo: built-in countries: %v", err))
	}
	d := builtinData{t, make([]Place, len(t.Labels()))}
	for i, code := range t.Labels() {
		if name := countryName(code); name != "" { // AP, Asia and the Pacific, is no country
			d.places[i] = Place{CountryCode: code, CountryName: name}
		}
	}
	return d
})

func builtinPlace(a netip.Addr) Place {
	d := builtin()
	return d.places[d.table.Find(a)]
}

func builtinSource() Source {
	return Source{Name: "IPtoASN country (built in)", Kind: "country", Built: builtin().table.Built(), Licence: "PDDL-1.0 (public domain)"}
}
