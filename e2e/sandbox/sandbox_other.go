//go:build !linux

package sandbox

import "context"

// Run is not supported here.
func Run(context.Context, []string, []string) error { return ErrUnsupported }

// Setup is not supported here.
func Setup() error { return ErrUnsupported }

// AddAddress is not supported here.
func AddAddress(context.Context, string) error { return ErrUnsupported }

// OuterPID is not supported here.
func OuterPID() (int, error) { return 0, ErrUnsupported }

// Command is not supported here.
func Command(context.Context, string, ...string) error { return ErrUnsupported }
