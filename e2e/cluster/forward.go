package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/vedette-project/vedette/e2e/sandbox"
)

// forwarders carry connections of programs that cannot choose their own
// address, such as kubectl, to the API server from an address of the test's
// choice. They pass bytes only, so TLS stays end to end and the audit log
// shows the address as that of the peer.
type forwarders struct {
	mu        sync.Mutex
	addresses map[string]bool         // added to the sandbox
	listeners map[string]net.Listener // by address
}

// ensureAddress gives the sandbox the address unless it has it.
func (f *forwarders) ensureAddress(ctx context.Context, addr string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addresses[addr] {
		return nil
	}
	if err := sandbox.AddAddress(ctx, addr); err != nil {
		return err
	}
	if f.addresses == nil {
		f.addresses = map[string]bool{}
	}
	f.addresses[addr] = true
	return nil
}

// open returns the local end of the forwarder that dials with d, and starts
// it the first time.
func (f *forwarders) open(addr string, d *net.Dialer) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.listeners[addr]; l != nil {
		return l.Addr().String(), nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for %s: %w", addr, err)
	}
	if f.listeners == nil {
		f.listeners = map[string]net.Listener{}
	}
	f.listeners[addr] = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go forward(conn, d)
		}
	}()
	return l.Addr().String(), nil
}

func (f *forwarders) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		_ = l.Close()
	}
}

func forward(client net.Conn, d *net.Dialer) {
	defer client.Close()
	server, err := d.Dial("tcp", apiAddr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
}
