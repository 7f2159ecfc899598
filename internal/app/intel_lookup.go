package app

import (
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/format"
)

// LookUp says everything that lists say of an address, a prefix, a domain, a URL
// or the hash of a file, written as lists and people write them.
func LookUp(set *intel.Set, asked string) (*intel.Explanation, error) {
	_, subject, err := format.Normal(asked)
	if err != nil {
		return nil, err
	}
	e, err := set.Explain(subject)
	if err != nil {
		return nil, err
	}
	e.Asked = asked
	return e, nil
}
