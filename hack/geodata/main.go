// Geodata compiles a database of countries in MaxMind's format (.mmdb), whose
// records have a country_code, into the table that Vedette carries:
//
//	go run ./hack/geodata iptoasn-country.mmdb internal/intel/geo/country.vrt
//
// It then reads the table back and compares it with the whole database. The
// same database gives the same bytes. docs/geo.md says where databases come
// from that may be carried.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/vedette-project/vedette/internal/intel/geo/ranges"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "geodata:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: geodata DATABASE.mmdb TABLE.vrt")
	}
	db, err := maxminddb.Open(args[0])
	if err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	defer db.Close()
	file, err := compile(db)
	if err != nil {
		return fmt.Errorf("compile %s: %w", args[0], err)
	}
	table, err := ranges.Decode(file)
	if err != nil {
		return err
	}
	n, err := compare(db, table)
	if err != nil {
		return fmt.Errorf("compare the table with %s: %w", args[0], err)
	}
	if err := os.WriteFile(args[1], file, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d networks of %s in %d bytes\n", args[1], n, table.Built().Format("2006-01-02"), len(file))
	return nil
}

// record is what a source says of a network.
type record struct {
	CountryCode string `maxminddb:"country_code"`
}

func compile(db *maxminddb.Reader) ([]byte, error) {
	var b ranges.Builder
	for network := range db.Networks() {
		var r record
		if err := network.Decode(&r); err != nil {
			return nil, err
		}
		if r.CountryCode == "" {
			continue
		}
		if err := b.Add(network.Prefix(), r.CountryCode); err != nil {
			return nil, err
		}
	}
	return b.Encode(db.Metadata.BuildTime())
}

// compare fails unless every address has the same country in both: each
// network of the source from its first to its last address, and each range of
// the table where it starts and right before.
func compare(db *maxminddb.Reader, table *ranges.Table) (networks int, err error) {
	labels := table.Labels()
	same := func(a netip.Addr) error {
		var r record
		if err := db.Lookup(a).Decode(&r); err != nil {
			return err
		}
		if got := labels[table.Find(a)]; got != r.CountryCode {
			return fmt.Errorf("%v is in %q, want %q", a, got, r.CountryCode)
		}
		return nil
	}
	for network := range db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		p := network.Prefix()
		if err := errors.Join(same(p.Addr()), same(last(p))); err != nil {
			return 0, err
		}
		networks++
	}
	for start := range table.All() {
		if err := same(start); err != nil {
			return 0, err
		}
		if before := start.Prev(); before.IsValid() {
			if err := same(before); err != nil {
				return 0, err
			}
		}
	}
	return networks, nil
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
