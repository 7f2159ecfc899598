package testbed

import (
	"math/rand/v2"
	"net"
	"testing"
)

// Ports that no system gives to who asks for any: what it gave to one process
// it may give to the next as soon as the first lets go of it.
const (
	firstPort = 10240
	lastPort  = 30000
)

// FreePort is a TCP port of the loopback interface that nobody uses, and that
// no other test is given as long as this one runs.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		_ = l.Close()
		// The UDP port of the same number says that it is taken: to the tests of
		// other packages, too, which are other processes.
		claim, err := net.ListenPacket("udp", address(port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = claim.Close() })
		return port
	}
	t.Fatal("no free port was found")
	return 0
}

// FreeAddr is an address of the loopback interface that nobody listens on.
func FreeAddr(t testing.TB) string {
	t.Helper()
	return address(FreePort(t))
}
