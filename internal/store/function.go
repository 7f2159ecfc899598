package store

import (
	"database/sql/driver"
	"fmt"
	"net/netip"
	"sync"

	"modernc.org/sqlite"

	"github.com/vedette-project/vedette/internal/finding"
)

// registerFunctions gives the driver the SQL functions
//
//	vedette_fits(pattern, text)   text fits a pattern of matches
//	vedette_within(prefix, text)  text is an address inside a prefix
//
// which are the very functions that criteria in memory use. NULL text gives
// NULL. Both take blobs: the driver hands a function a text only as far as its
// first NUL.
func registerFunctions(d *sqlite.Driver) {
	patterns := &parsed[*finding.Pattern]{parse: finding.ParsePattern}
	prefixes := &parsed[netip.Prefix]{parse: netip.ParsePrefix}
	register(d, "vedette_fits", func(pattern, text string) (bool, error) {
		p, err := patterns.get(pattern)
		return err == nil && p.Match(text), err
	})
	register(d, "vedette_within", func(prefix, text string) (bool, error) {
		p, err := prefixes.get(prefix)
		return err == nil && finding.PrefixHolds(p, text), err
	})
}

func register(d *sqlite.Driver, name string, fn func(a, b string) (bool, error)) {
	err := d.RegisterDeterministicScalarFunction(name, 2,
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			if args[0] == nil || args[1] == nil {
				return nil, nil
			}
			a, okA := args[0].([]byte)
			b, okB := args[1].([]byte)
			if !okA || !okB {
				return nil, fmt.Errorf("%s takes two blobs", name)
			}
			ok, err := fn(string(a), string(b))
			if err != nil {
				return nil, err
			}
			if ok {
				return int64(1), nil
			}
			return int64(0), nil
		})
	if err != nil {
		panic(err) // the same name twice on a new driver: cannot be
	}
}

// parsed remembers what texts were parsed to, for SQL calls a function for
// every row with the same first argument.
type parsed[T any] struct {
	parse func(string) (T, error)

	mu    sync.Mutex
	known map[string]T
}

// maxParsed bounds what is remembered; a query has at most a few thousand.
const maxParsed = 4096

func (p *parsed[T]) get(text string) (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.known[text]; ok {
		return v, nil
	}
	v, err := p.parse(text)
	if err != nil {
		return v, err
	}
	if p.known == nil || len(p.known) >= maxParsed {
		p.known = make(map[string]T)
	}
	p.known[text] = v
	return v, nil
}
