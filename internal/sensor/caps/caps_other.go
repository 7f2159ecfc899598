//go:build !linux

package caps

import "errors"

var errLinux = errors.New("caps: only Linux has capabilities")

// Own says that there are none.
func Own() (Set, error) { return 0, errLinux }

// Keep has nothing to give up.
func Keep(Set) error { return errLinux }

// Works says that there are none.
func Works(Set, func() error) (bool, error) { return false, errLinux }
