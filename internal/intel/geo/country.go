package geo

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed countries.tsv
var countryList string

// country is a line of countries.tsv.
type country struct {
	name                string
	latitude, longitude float64
	reach               float64 // km from there
}

var countries = sync.OnceValue(func() map[string]country {
	m := map[string]country{}
	for line := range strings.Lines(countryList) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		code, c, err := parseCountry(strings.TrimSuffix(line, "\n"))
		if err != nil { // the data is part of the program and tested with it
			panic(fmt.Sprintf("geo: countries.tsv: %v", err))
		}
		m[code] = c
	}
	return m
})

func parseCountry(line string) (code string, c country, err error) {
	f := strings.Split(line, "\t")
	if len(f) != 5 || !isCode(f[0]) {
		return "", c, fmt.Errorf("line %q: want CODE NAME LATITUDE LONGITUDE REACH", line)
	}
	c.name = f[1]
	for i, to := range []*float64{&c.latitude, &c.longitude, &c.reach} {
		if *to, err = strconv.ParseFloat(f[2+i], 64); err != nil {
			return "", c, fmt.Errorf("line %q: %w", line, err)
		}
	}
	return f[0], c, nil
}

// countryName gives the English name for a code, "" for an unknown one.
func countryName(code string) string { return countries()[code].name }

func isCode(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}
