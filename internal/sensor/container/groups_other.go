//go:build !linux

package container

import "errors"

// Groups is for Linux.
type Groups struct{}

// OpenGroups is for Linux.
func OpenGroups(string) (*Groups, error) {
	return nil, errors.New("only Linux has control groups")
}

// Close does nothing.
func (*Groups) Close() error { return nil }

// Tell does nothing.
func (*Groups) Tell(uint64, ...string) {}

// ToldGroups is for Linux.
func ToldGroups() *Groups { return &Groups{} }

// Path knows nothing.
func (*Groups) Path(uint64) (string, bool) { return "", false }
