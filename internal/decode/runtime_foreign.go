package decode

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// form is whose record an object is.
type form uint8

const (
	formNone form = iota
	formOurs
	formFalco
	formTetragon
	formTracee
)

// isSensorKey reports whether a member makes it likely that an object is the
// record of a sensor.
func isSensorKey(key []byte) bool {
	switch string(key) {
	case "runtimeVersion", "output_fields", "rule", "processName", "workload", "SigMetadata":
		return true
	}
	return isTetragonKey(key)
}

func isTetragonKey(key []byte) bool {
	switch string(key) {
	case "process_exec", "process_exit", "process_kprobe", "process_tracepoint", "process_uprobe", "process_usdt", "process_lsm", "process_loader",
		"process_throttle", "rate_limit_info":
		return true
	}
	return false
}

// formOf tells by its members whose record an object is.
func formOf(b []byte) form {
	s := jsonscan.Scanner{Data: b}
	if s.Enter('{') != nil {
		return formNone
	}
	var falco, tracee, newTracee, signature int
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			break
		}
		switch string(key) {
		case "runtimeVersion":
			return formOurs
		case "rule", "output", "priority", "output_fields":
			falco++
		case "eventName", "processName", "args", "processId", "hostProcessId":
			tracee++
		case "workload", "name", "id", "data":
			newTracee++
		case "SigMetadata", "Context":
			signature++
		default:
			if isTetragonKey(key) {
				return formTetragon
			}
		}
		if _, err := s.Skip(); err != nil {
			break
		}
	}
	switch {
	case falco >= 3:
		return formFalco
	case tracee >= 3, newTracee >= 3, signature == 2:
		return formTracee
	}
	return formNone
}

// sensors decodes b as the record of whichever sensor wrote it.
func (d *Decoder) sensors(b []byte, cut bool, at time.Time) (n int, is bool, err error) {
	f := formOf(b)
	switch f {
	case formNone:
		return 0, false, nil
	case formOurs:
		return d.runtime(b, cut, at)
	}
	s := jsonscan.Scanner{Data: b}
	raw, err := s.Skip()
	if err != nil && (!cut || !errors.Is(err, jsonscan.ErrCut)) {
		return 0, true, err
	}
	node, perr := jsonscan.Parse(raw)
	if perr != nil && err == nil {
		return 0, true, perr
	}
	r := d.out.runtime.records.next()
	r.Version = event.RuntimeVersion
	switch f {
	case formFalco:
		d.falco(node, r)
	case formTetragon:
		d.tetragon(node, r)
	case formTracee:
		d.tracee(node, r)
	}
	if r.Kind == "" {
		return 0, true, from(event.RuntimeEvents, malformed(event.ReasonNotAudit, "a record of %s that says nothing of a process: %s", r.Sensor.Name, excerpt(raw)))
	}
	if err == nil && r.Time.IsZero() && at.IsZero() {
		d.timeless(event.RuntimeEvents, "a record of "+r.Sensor.Name+" without time", raw)
		return s.Pos, true, nil
	}
	d.addRuntime(r, raw, err != nil, at)
	return s.Pos, true, nil
}

// told is a text, or a number in its place, that a sensor could tell.
func told(n *jsonscan.Node) string {
	switch n.Kind() {
	case jsonscan.String:
		switch v := n.Text(); v {
		case "<NA>", "N/A", "n/a", "<nil>":
			return ""
		default:
			return v
		}
	case jsonscan.Number:
		return strconv.FormatInt(n.Int(), 10)
	}
	return ""
}

// whole is a number, or a text that is one; ok is false if it is neither. A
// number that is wrapped, as in Protocol Buffers' JSON, is what is inside.
func whole(n *jsonscan.Node) (v int64, ok bool) {
	switch n.Kind() {
	case jsonscan.Object:
		return whole(n.Get("value"))
	case jsonscan.Number:
		return n.Int(), true
	case jsonscan.String:
		i, err := strconv.ParseInt(n.Text(), 0, 64)
		return i, err == nil
	}
	return 0, false
}

// id is a user, group or process number; what is none is 0.
func id[T int | uint32 | uint8 | uint16](n *jsonscan.Node) T {
	v, _ := whole(n)
	if int64(T(v)) != v || v < 0 {
		return 0
	}
	return T(v)
}

// instant is a moment as sensors write it: RFC 3339, nanoseconds since 1970,
// or seconds and nanoseconds apart.
func instant(n *jsonscan.Node) time.Time {
	if n.Kind() == jsonscan.Object {
		s, ok := whole(n.Get("seconds"))
		if !ok {
			return time.Time{}
		}
		return time.Unix(s, n.Int("nanos")).UTC()
	}
	if t, err := time.Parse(time.RFC3339Nano, n.Text()); err == nil {
		return t.UTC()
	}
	if ns, ok := whole(n); ok && ns > 0 {
		return time.Unix(0, ns).UTC()
	}
	return time.Time{}
}

// endOf is an address with its port, the zero value if it is no address.
func endOf(address string, port uint16) netip.AddrPort {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), port)
}

// split takes a command line apart that a sensor put together with spaces. An
// argument with spaces is in quotes at best; what a shell was told to run is one.
func split(line string) []string {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		if len(out) > 1 && out[len(out)-1] == "-c" && isShell(out[0]) && line[0] != '"' {
			return append(out, line)
		}
		var arg string
		if end := closingQuote(line); end > 0 {
			arg, line = line[1:end], line[end+1:]
		} else if arg, line, _ = strings.Cut(line, " "); arg == "" {
			continue
		}
		out = append(out, arg)
	}
	return out
}

// closingQuote is where a quoted argument at the start of a line ends, 0 if
// there is none.
func closingQuote(line string) int {
	if line[0] != '"' {
		return 0
	}
	for i := 1; i < len(line); i++ {
		if line[i] == '"' && (i+1 == len(line) || line[i+1] == ' ') {
			return i
		}
	}
	return 0
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"}, name[strings.LastIndexByte(name, '/')+1:])
}

// shortName is the name of a program as the kernel has it.
func shortName(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return name[:min(len(name), 15)]
}
