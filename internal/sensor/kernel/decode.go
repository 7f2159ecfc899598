package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// ErrRecord is a record that is not what the programs write.
var ErrRecord = errors.New("kernel: malformed record")

// The sizes of the C structs.
const (
	headerSize     = 120
	fileSize       = 80
	writerSize     = 40
	descriptorSize = 64
	execSize       = headerSize + fileSize + writerSize + 3*descriptorSize + 8 + 4*4 + 8*2 + 8
	forkSize       = headerSize + 16
	exitSize       = headerSize + 8
	callSize       = headerSize + 72
)

// cursor reads the fixed part of a record. It is used only within a length
// that was checked before.
type cursor struct {
	b    []byte
	off  int
	text string // what follows the fixed part
}

func (c *cursor) u8() uint8 {
	c.off++
	return c.b[c.off-1]
}

func (c *cursor) u16() uint16 {
	c.off += 2
	return binary.LittleEndian.Uint16(c.b[c.off-2:])
}

func (c *cursor) u32() uint32 {
	c.off += 4
	return binary.LittleEndian.Uint32(c.b[c.off-4:])
}

func (c *cursor) u64() uint64 {
	c.off += 8
	return binary.LittleEndian.Uint64(c.b[c.off-8:])
}

func (c *cursor) since() time.Duration { return time.Duration(c.u64()) }

func (c *cursor) time() time.Time { return time.Unix(0, int64(c.u64())) }

func (c *cursor) skip(n int) { c.off += n }

// cstring reads a field of n bytes that ends at its first NUL.
func (c *cursor) cstring(n int) string {
	c.off += n
	s := c.b[c.off-n : c.off]
	for i, x := range s {
		if x == 0 {
			return string(s[:i])
		}
	}
	return string(s)
}

// take takes the next n bytes of the text.
func (c *cursor) take(n uint16) (string, error) {
	if int(n) > len(c.text) {
		return "", fmt.Errorf("%w: a text of %d bytes where %d are left", ErrRecord, n, len(c.text))
	}
	s := c.text[:n]
	c.text = c.text[n:]
	return s, nil
}

// name takes a text that ends with a NUL.
func (c *cursor) name(n uint16) (string, error) {
	s, err := c.take(n)
	s, _, _ = strings.Cut(s, "\x00")
	return s, err
}

// list takes texts that each end with a NUL, the last perhaps cut, and appends
// them to out. An empty text counts: it may be an argument.
func (c *cursor) list(out []string, n uint16) ([]string, error) {
	s, err := c.take(n)
	for s != "" {
		var one string
		one, s, _ = strings.Cut(s, "\x00")
		out = append(out, one)
	}
	return out, err
}

// What a path could not say (bpf/path.bpf.h).
const (
	pathCut      = 1 << 0
	pathOutside  = 1 << 1
	pathDetached = 1 << 2
)

// path takes a path, whose names stand last first.
func (c *cursor) path(n uint16, flags uint8) (Path, error) {
	s, err := c.take(n)
	p := Path{Cut: flags&pathCut != 0, Outside: flags&pathOutside != 0, Detached: flags&pathDetached != 0}
	s = strings.TrimSuffix(s, "\x00")
	switch {
	case s == "" && !p.Cut && !p.Detached:
		p.Name = "/"
	case p.Detached && !strings.Contains(s, "\x00"):
		p.Name = s
	case s != "":
		p.Name = reversed(s)
	}
	return p, err
}

// reversed turns "c\0b\0a" into "/a/b/c".
func reversed(s string) string {
	out := make([]byte, len(s)+1)
	at := len(out)
	for s != "" {
		var one string
		one, s, _ = strings.Cut(s, "\x00")
		at -= len(one)
		copy(out[at:], one)
		at--
		out[at] = '/'
	}
	return string(out[at:])
}

// decode reads a record as the programs write it.
func (r *Record) decode(b []byte) error {
	r.Seq = 0 // is set once the header is read
	if len(b) < headerSize {
		return fmt.Errorf("%w: %d bytes are no header", ErrRecord, len(b))
	}
	c := cursor{b: b}
	if size := c.u32(); int(size) != len(b) {
		return fmt.Errorf("%w: its header says %d bytes, there are %d", ErrRecord, size, len(b))
	}
	r.Kind = Kind(c.u16())
	r.Lane = c.u16()
	r.CPU = c.u32()
	c.skip(4)
	r.Time = c.since()
	r.Seq = c.u64()
	r.Actor.decode(&c)
	r.Exec, r.Fork, r.Exit, r.Call, r.Network = nil, nil, nil, nil, nil
	if isNetwork(r.Kind) {
		r.Network = &r.network
		return r.network.decode(r.Kind, b)
	}
	size := r.fixedSize()
	switch {
	case size == 0:
		return fmt.Errorf("%w: unknown %v", ErrRecord, r.Kind)
	case len(b) < size:
		return fmt.Errorf("%w: %d bytes of %v, which has %d or more", ErrRecord, len(b), r.Kind, size)
	}
	c.text = string(b[size:])
	if err := r.body(&c); err != nil {
		return fmt.Errorf("%v: %w", r.Kind, err)
	}
	return nil
}

// fixedSize is how long a record is at least; 0 for an unknown kind.
func (r *Record) fixedSize() int {
	switch {
	case r.Kind == KindExec:
		return execSize
	case r.Kind == KindFork:
		return forkSize
	case r.Kind == KindExit:
		return exitSize
	case r.Kind > KindExit && r.Kind < callKinds:
		return callSize
	}
	return 0
}

// body decodes what follows the header of a record that is long enough.
func (r *Record) body(c *cursor) error {
	switch r.Kind {
	case KindExec:
		r.Exec = &r.exec
		return r.exec.decode(c)
	case KindFork:
		r.Fork = &r.fork
		r.fork.decode(c)
		return nil
	case KindExit:
		r.Exit = &r.exit
		r.exit.decode(c)
		return nil
	}
	r.Call = &r.call
	return r.call.decode(c, r.Kind)
}

// Bits of an actor's flags.
const (
	actorContained = 1 << 0
	actorUserNS    = 1 << 1
	actorCompat    = 1 << 2
	actorKernel    = 1 << 3
)

func (a *Actor) decode(c *cursor) {
	a.Start = c.since()
	a.Parent.Start = c.since()
	a.Cgroup = c.u64()
	a.PID, a.Local, a.Parent.PID = c.u32(), c.u32(), c.u32()
	a.UID, a.GID, a.EUID, a.EGID = c.u32(), c.u32(), c.u32(), c.u32()
	a.NSPID, a.PIDNS, a.MountNS, a.NetNS = c.u32(), c.u32(), c.u32(), c.u32()
	flags := c.u32()
	a.Contained = flags&actorContained != 0
	a.UserNS = flags&actorUserNS != 0
	a.Compat = flags&actorCompat != 0
	a.Kernel = flags&actorKernel != 0
	a.Comm = c.cstring(16)
}

// Bits of a file's flags.
const (
	fileUpper   = 1 << 0
	fileWriter  = 1 << 1
	fileCreated = 1 << 2
)

func (f *File) decode(c *cursor) {
	f.Inode = c.u64()
	f.Size = int64(c.u64())
	f.Modified, f.Changed = c.time(), c.time()
	f.FileSystem = c.u64()
	f.Rdev = Device(c.u64())
	f.Device = Device(c.u32())
	f.Mode, f.UID, f.GID, f.Links = c.u32(), c.u32(), c.u32(), c.u32()
	flags := c.u32()
	f.Upper = flags&fileUpper != 0
	f.Created = flags&fileCreated != 0
	c.skip(8)
}

func (w *Writer) decode(c *cursor) {
	w.Start = c.since()
	w.Time = c.since()
	w.PID = c.u32()
	w.Contained = c.u32()&actorContained != 0
	w.Comm = c.cstring(16)
}

// The families whose addresses are read.
const (
	familyIPv4 = 2
	familyIPv6 = 10
)

func (d *Descriptor) decode(c *cursor) {
	d.Inode = c.u64()
	d.Mode = c.u32()
	d.Device, d.Rdev = Device(c.u32()), Device(c.u32())
	d.Family, d.Protocol, d.Type = c.u16(), c.u16(), c.u16()
	d.State = c.u8()
	c.skip(1)
	localPort, remotePort := c.u16(), c.u16()
	d.Local = netip.AddrPortFrom(c.addr(d.Family), localPort)
	d.Remote = netip.AddrPortFrom(c.addr(d.Family), remotePort)
}

// addr reads an address of 16 bytes; IPv4 inside IPv6 is IPv4.
func (c *cursor) addr(family uint16) netip.Addr {
	c.off += 16
	b := [16]byte(c.b[c.off-16 : c.off])
	switch family {
	case familyIPv4:
		return netip.AddrFrom4([4]byte(b[:4]))
	case familyIPv6:
		return netip.AddrFrom16(b).Unmap()
	}
	return netip.Addr{}
}

// Bits of an exec's flags.
const (
	execSecure   = 1 << 0
	execArgsCut  = 1 << 2
	execEnvCut   = 1 << 3
	execArgsLost = 1 << 4
)

func (e *Exec) decode(c *cursor) error {
	e.File.decode(c)
	e.Writer.decode(c)
	for i := range e.Streams {
		e.Streams[i].decode(c)
	}
	e.Capabilities = c.u64()
	e.ArgsSize, e.Argc = int(c.u32()), int(c.u32())
	e.TTY = Device(c.u32())
	flags := c.u32()
	e.Secure = flags&execSecure != 0
	e.ArgsCut = flags&execArgsCut != 0
	e.ArgsLost = flags&execArgsLost != 0
	e.EnvCut = flags&execEnvCut != 0
	var n [8]uint16
	for i := range n {
		n[i] = c.u16()
	}
	pathFlags, cwdFlags := c.u8(), c.u8()
	var errs [8]error
	e.Filename, errs[0] = c.name(n[0])
	e.Interpreter, errs[1] = c.name(n[1])
	e.Path, errs[2] = c.path(n[2], pathFlags)
	e.Cwd, errs[3] = c.path(n[3], cwdFlags)
	e.Cgroup, errs[4] = c.name(n[4])
	e.CgroupParent, errs[5] = c.name(n[5])
	e.Env, errs[6] = c.list(e.Env[:0], n[6])
	e.Args, errs[7] = c.list(e.Args[:0], n[7])
	return errors.Join(errs[:]...)
}

func (f *Fork) decode(c *cursor) {
	f.By.Start = c.since()
	f.By.PID = c.u32()
	flags := c.u32()
	f.NewMountNS = flags&1 != 0
	f.NewPIDNS = flags&2 != 0
	f.NewNetNS = flags&4 != 0
	f.NewUserNS = flags&8 != 0
}

func (e *Exit) decode(c *cursor) {
	code := c.u32()
	e.Code = int(code >> 8 & 0xff)
	e.Signal = int(code & 0x7f)
	e.Core = code&0x80 != 0
}
