package oidc

import "errors"

// What can go wrong, for errors.Is.
var (
	// ErrUnavailable is a provider that does not answer, or not as one does.
	ErrUnavailable = errors.New("the identity provider cannot be used")
	// ErrRefused is a login or token that proves nothing.
	ErrRefused = errors.New("not accepted")
	// ErrNoRole is somebody who is known to the provider but has no role here.
	ErrNoRole = errors.New("no role")
)
