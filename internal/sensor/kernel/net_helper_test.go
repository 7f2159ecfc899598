//go:build linux && (amd64 || arm64)

package kernel

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/dns/dnsmessage"
)

const helperArgs = "VEDETTE_TEST_NETWORK_HELPER"

// TestNetworkHelper is no test: it is what the helpers of others do.
func TestNetworkHelper(t *testing.T) {
	what := os.Getenv(helperArgs)
	if what == "" {
		return
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil { // until it is watched
		os.Exit(0)
	}
	go func() {
		args := strings.Split(what, "\n")
		if err := help(args[0], args[1:]); err != nil {
			say("error %v", err)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
	os.Exit(0)
}

func say(format string, args ...any) { fmt.Printf("say "+format+"\n", args...) }

func help(what string, args []string) error {
	switch what {
	case "dial": // NETWORK ADDRESS [WORDS]
		return helpDial(args)
	case "storm", "questions", "bulk", "echoes": // ADDRESS COUNT
		return helpLoad(what, args[0], args[1])
	case "peer": // ADDRESS: for loads
		return helpPeer(args[0])
	case "sendto": // ADDRESS
		c, err := net.ListenUDP("udp", nil)
		if err != nil {
			return err
		}
		for range 5 {
			if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort(args[0])); err != nil {
				return err
			}
		}
		say("done")
	case "listen": // ADDRESS, twice over TCP and UDP
		l, err := net.Listen("tcp", args[0])
		if err != nil {
			return err
		}
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			return err
		}
		say("%v %v", l.Addr(), u.LocalAddr())
	case "accept": // ADDRESS
		l, err := net.Listen("tcp", args[0])
		if err != nil {
			return err
		}
		say("%v", l.Addr())
		for {
			if _, err := l.Accept(); err != nil {
				return err
			}
			say("taken")
		}
	case "raw":
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		say("done")
		return syscall.Close(fd)
	case "uring": // ADDRESS
		return helpRing(netip.MustParseAddrPort(args[0]))
	case "ask": // NETWORK SERVER NAME
		return helpAsk(args[0], args[1], args[2])
	case "serve": // ADDRESS [UPSTREAM]
		return helpServe(args, func() { say("ready") })
	case "pod": // SERVER NAME: in a network of its own
		if err := loopbackUp(); err != nil {
			return err
		}
		ready := make(chan struct{})
		go func() { _ = helpServe(args[:1], func() { close(ready) }) }()
		<-ready
		return helpAsk("udp", args[0], args[1])
	}
	return nil
}

func helpDial(args []string) error {
	c, err := net.DialTimeout(args[0], args[1], 3*time.Second)
	if err != nil {
		say("failed %v", err)
		return nil
	}
	for _, words := range args[2:] {
		if _, err := io.WriteString(c, words); err != nil {
			return err
		}
	}
	say("%v", c.LocalAddr())
	return nil
}

// helpAsk asks for an A record and waits for the answer. Over TCP the length is
// a segment of its own, as some resolvers send it.
func helpAsk(network, server, name string) error {
	b, err := (&dnsmessage.Message{
		Header: dnsmessage.Header{ID: 99, RecursionDesired: true},
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
		}},
	}).Pack()
	if err != nil {
		return err
	}
	c, err := net.Dial(network, server)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if network == "tcp" {
		if _, err := c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(b)))); err != nil {
			return err
		}
	}
	if _, err := c.Write(b); err != nil {
		return err
	}
	n, err := c.Read(make([]byte, 1500))
	if err != nil {
		return err
	}
	say("answer of %d bytes", n)
	return nil
}

// helpServe answers every question with 192.0.2.53, or with what another server
// says, until the test ends.
func helpServe(args []string, ready func()) error {
	u, err := net.ListenPacket("udp", args[0])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				continue
			}
			question := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(c, question); err != nil {
				continue
			}
			_, _ = c.Write(framed(answerTo(question)))
		}
	}()
	ready()
	buf := make([]byte, 1500)
	for {
		n, from, err := u.ReadFrom(buf)
		if err != nil {
			return err
		}
		answer := answerTo(buf[:n])
		if len(args) > 1 {
			if answer, err = forward(args[1], buf[:n]); err != nil {
				return err
			}
		}
		if _, err := u.WriteTo(answer, from); err != nil {
			return err
		}
	}
}

func forward(server string, question []byte) ([]byte, error) {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "udp", server)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(question); err != nil {
		return nil, err
	}
	buf := make([]byte, 1500)
	n, err := c.Read(buf)
	return buf[:n], err
}

func answerTo(question []byte) []byte {
	b := append([]byte{}, question...)
	b[2] |= 0x80
	b[7] = 1
	return append(b, 0xc0, 12, 0, dnsA, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53)
}

// loopbackUp brings up lo in a new network namespace.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	request := [40]byte{'l', 'o'}
	binary.NativeEndian.PutUint16(request[16:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); e != 0 {
		return e
	}
	return nil
}

// helpRing connects by io_uring: no system call says so.
func helpRing(to netip.AddrPort) error {
	const setup, enter, opConnect, getEvents = 425, 426, 16, 1
	var params [120]byte
	ring, _, e := syscall.Syscall(setup, 4, uintptr(unsafe.Pointer(&params)), 0)
	if e != 0 {
		return fmt.Errorf("io_uring_setup: %w", e)
	}
	offset := func(at int) uint32 { return binary.NativeEndian.Uint32(params[at:]) }
	queue, err := syscall.Mmap(int(ring), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	entries, err := syscall.Mmap(int(ring), 0x10000000, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	address := syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: to.Addr().As4(), Port: portOrder(to.Port())}
	entries[0] = opConnect
	binary.NativeEndian.PutUint32(entries[4:], uint32(fd))
	binary.NativeEndian.PutUint64(entries[8:], uint64(syscall.SizeofSockaddrInet4)) // the length lies in "off"
	*(*unsafe.Pointer)(unsafe.Pointer(&entries[16])) = unsafe.Pointer(&address)
	binary.NativeEndian.PutUint32(queue[offset(40+24):], 0) // array[0]: the first entry
	binary.NativeEndian.PutUint32(queue[offset(40+4):], 1)  // tail
	if _, _, e := syscall.Syscall6(enter, ring, 1, 1, getEvents, 0, 0); e != 0 {
		return fmt.Errorf("io_uring_enter: %w", e)
	}
	say("done")
	return nil
}
