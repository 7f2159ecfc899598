// Package sandbox gives a test the network, process and mount namespaces of
// its own in which a whole cluster can live.
//
// The program runs itself again inside them. That buys three things: fixed
// ports that nobody else can hold, mounts that vanish, and an end that cannot
// be forgotten, since the kernel kills everything in a process namespace
// together with its first process.
package sandbox

import (
	"errors"
	"os"
)

// ErrUnsupported says that this system has no namespaces to offer.
var ErrUnsupported = errors.New("sandbox: only Linux has namespaces")

const (
	// NodeIP is the address of the one real node; a kubelet takes no loopback
	// address for its own.
	NodeIP = "10.77.0.1"

	insideVar = "VEDETTE_E2E_SANDBOX" // name of the sandbox, set inside it
)

// Inside tells whether this process runs in a sandbox.
func Inside() bool { return os.Getenv(insideVar) != "" }

// Name is that of the sandbox this process runs in; the control groups made
// for it carry this name.
func Name() string { return os.Getenv(insideVar) }
