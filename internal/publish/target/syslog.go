package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
)

// Syslog sends each event as a message of RFC 5424, by UDP, or by TCP or TLS
// with counted octets (RFC 6587). Syslog answers nothing: what is written into
// a connection just as its other end goes away is lost.
type Syslog struct {
	Form
	Network  string // udp, tcp or tls
	Address  string // host:port
	TLS      *tls.Config
	Facility int
	Hostname string
	AppName  string
	Now      func() time.Time

	mu   sync.Mutex
	conn net.Conn
}

// Limits of a message, in bytes.
const (
	maxUDP       = 65_000
	maxStream    = 1 << 20
	syslogDial   = 10 * time.Second
	syslogWrites = 30 * time.Second
)

// Send writes events one by one. One connection is kept, and made anew when
// its other end has gone.
func (t *Syslog) Send(ctx context.Context, events []publish.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	each := make(publish.Each, len(events))
	var b bytes.Buffer
	for i := range events {
		if t.skips(&events[i]) {
			continue
		}
		m, err := t.message(&events[i])
		if err != nil {
			each[i] = err
			continue
		}
		if t.Network != "udp" {
			b.WriteString(strconv.Itoa(len(m)) + " ")
			b.Write(m)
			continue
		}
		if err := t.write(ctx, m); err != nil {
			return err
		}
	}
	if b.Len() > 0 {
		if err := t.write(ctx, b.Bytes()); err != nil {
			return err
		}
	}
	return result(each)
}

// message is an event as a message.
func (t *Syslog) message(e *publish.Event) ([]byte, error) {
	body, err := t.text(e)
	if err != nil {
		return nil, err
	}
	m := read(e)
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%d>1 %s %s %s %d %s ", t.Facility*8+syslogSeverity(m.Severity), e.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		syslogName(t.Hostname, 255), syslogName(t.AppName, 48), os.Getpid(), syslogName(syslogID(e), 32))
	b.WriteString("[vedette@32473") // the number that RFC 5612 keeps for examples; we have none
	for _, p := range []fact{{"eventId", e.ID}, {"type", syslogType(e)}, {"incident", m.Key}} {
		fmt.Fprintf(&b, ` %s="%s"`, p.Name, syslogParam.Replace(plain(p.Value)))
	}
	b.WriteString("] ")
	if t.Format == FormatText || t.Format == FormatCEF {
		b.WriteString("\xef\xbb\xbf") // says that what follows is UTF-8
	}
	b.Write(oneLine(body))
	most := maxStream
	if t.Network == "udp" {
		most = maxUDP
	}
	if b.Len() > most {
		return nil, &publish.RefusedError{Reason: fmt.Sprintf("it has %d bytes, and %d fit into a message by %s", b.Len(), most, t.Network)}
	}
	return b.Bytes(), nil
}

// syslogParam escapes the value of structured data.
var syslogParam = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// oneLine takes the control characters out of a text. JSON has them escaped,
// and needs nothing of it.
func oneLine(b []byte) []byte {
	if bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && unfit(r) }) < 0 {
		return b
	}
	return []byte(plain(string(b)))
}

// syslogName is a text as a field of the header: printable ASCII without spaces.
func syslogName(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '-'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

func syslogID(e *publish.Event) string {
	if e.Finding() != nil {
		return "finding"
	}
	return "source"
}

func syslogType(e *publish.Event) string {
	if f := e.Finding(); f != nil {
		return f.Type
	}
	return e.DetailType
}

// syslogSeverity is a severity in numbers of syslog: 2 critical, 3 error,
// 4 warning, 5 notice, 6 informational.
func syslogSeverity(label string) int {
	switch label {
	case "Critical":
		return 2
	case "High":
		return 3
	case "Medium":
		return 4
	case "Low":
		return 5
	}
	return 6
}

func (t *Syslog) write(ctx context.Context, data []byte) error {
	if t.conn != nil && t.Network != "udp" && gone(t.conn) {
		t.close()
	}
	if t.conn == nil {
		if err := t.dial(ctx); err != nil {
			return err
		}
	}
	until := time.Now().Add(syslogWrites)
	if at, ok := ctx.Deadline(); ok && at.Before(until) {
		until = at
	}
	err := t.conn.SetWriteDeadline(until)
	if err == nil {
		_, err = t.conn.Write(data)
	}
	if err != nil {
		t.close()
		return fmt.Errorf("write to %s: %w", t.Address, err)
	}
	return nil
}

func (t *Syslog) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syslogDial)
	defer cancel()
	network := t.Network
	if network == "tls" {
		network = "tcp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, t.Address)
	if err != nil {
		return err
	}
	if t.Network == "tls" {
		secure := tls.Client(conn, t.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return fmt.Errorf("reach %s: %w", t.Address, err)
		}
		conn = secure
	}
	t.conn = conn
	return nil
}

func (t *Syslog) close() {
	t.conn.Close()
	t.conn = nil
}

// gone reports whether the other end has closed a connection. It says nothing
// else on one, so that a read either finds an end or nothing.
func gone(c net.Conn) bool {
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return true
	}
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}
