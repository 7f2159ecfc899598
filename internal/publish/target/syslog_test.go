package target_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

// rfc5424 is the form of a message.
var rfc5424 = regexp.MustCompile(`^<([0-9]{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (\[(?:[^"\\\]]|"(?:[^"\\\]]|\\.)*")*\]) (.+)$`)

func syslogTo(network, addr, format string) *target.Syslog {
	return &target.Syslog{Form: target.Form{Format: format, Version: "1"}, Network: network, Address: addr, Facility: 16, Hostname: "host a", AppName: "vedette", Now: time.Now}
}

// readCounted reads messages with counted octets.
func readCounted(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	n, err := r.ReadString(' ')
	if err != nil {
		t.Fatal(err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(n))
	if err != nil {
		t.Fatalf("no count of octets: %q", n)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkSyslog checks the form of a message and returns what it says.
func checkSyslog(t *testing.T, m string) string {
	t.Helper()
	parts := rfc5424.FindStringSubmatch(m)
	if parts == nil {
		t.Fatalf("no message of RFC 5424: %q", m)
	}
	mustLack(t, "message", m, unseen()...)
	if _, err := time.Parse(time.RFC3339Nano, parts[2]); err != nil {
		t.Errorf("time %q", parts[2])
	}
	if pri, _ := strconv.Atoi(parts[1]); pri>>3 != 16 {
		t.Errorf("priority %s", parts[1])
	}
	return parts[8]
}

// TestSyslog: each event is a message, by each way and in each form, with no
// way for hostile text to begin another.
func TestSyslog(t *testing.T) {
	conf, file := testbed.Certificate(t, t.TempDir())
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	for _, network := range []string{"tcp", "tls"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if network == "tls" {
			l = tls.NewListener(l, conf)
		}
		conns := make(chan net.Conn, 9)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if s, ok := c.(*tls.Conn); ok && s.HandshakeContext(t.Context()) != nil {
					continue
				}
				conns <- c
			}
		}()
		for _, format := range []string{"", target.FormatText, target.FormatCEF} {
			to := syslogTo(network, l.Addr().String(), format)
			to.TLS = &tls.Config{RootCAs: pool, ServerName: "localhost"}
			if err := to.Send(t.Context(), []publish.Event{event(t), wild(t), health(t, false, hostile)}); err != nil {
				t.Fatal(err)
			}
			conn := <-conns
			r := bufio.NewReader(conn)
			for range 3 {
				body := checkSyslog(t, readCounted(t, r))
				switch format {
				case "":
					decode(t, []byte(body))
				case target.FormatCEF:
					checkCEF(t, strings.TrimPrefix(body, "\ufeff"))
				}
			}
			// The other end goes away; what comes next goes over another connection.
			conn.Close()
			time.Sleep(10 * time.Millisecond)
			if err := to.Send(t.Context(), []publish.Event{event(t)}); err != nil {
				t.Fatal(err)
			}
			conn = <-conns
			checkSyslog(t, readCounted(t, bufio.NewReader(conn)))
			conn.Close()
		}
		if network == "tls" {
			to := syslogTo(network, l.Addr().String(), "")
			to.TLS = &tls.Config{ServerName: "localhost"}
			if err := to.Send(t.Context(), []publish.Event{event(t)}); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("a server that nobody vouches for: %v", err)
			}
		}
	}
}

// TestSyslogUDP: a message is a datagram; one that does not fit is refused.
func TestSyslogUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	to := syslogTo("udp", conn.LocalAddr().String(), "")
	large := event(t)
	large.Finding().Description = strings.Repeat("x", 70_000)
	err = to.Send(t.Context(), []publish.Event{event(t), large, wild(t)})
	each := publish.Each(nil)
	refused := (*publish.RefusedError)(nil)
	if !errors.As(err, &each) || each[0] != nil || !errors.As(each[1], &refused) || each[2] != nil {
		t.Fatalf("%v", err)
	}
	b := make([]byte, 1<<16)
	for range 2 {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, []byte(checkSyslog(t, string(b[:n]))))
	}
}

// TestRsyslog: a real server understands every message.
func TestRsyslog(t *testing.T) {
	bin, err := exec.LookPath("rsyslogd")
	if err != nil {
		testbed.Lack(t, "rsyslogd", "install Debian's package rsyslog")
	}
	dir, port := t.TempDir(), testbed.FreePort(t)
	out, conf := filepath.Join(dir, "out"), filepath.Join(dir, "rsyslog.conf")
	text := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
input(type="imtcp" port="%d" address="127.0.0.1")
template(name="parsed" type="string" string="%%syslogfacility%%|%%syslogseverity%%|%%hostname%%|%%app-name%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
action(type="omfile" file=%q template="parsed")
`, dir, port, out)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	startProgram(t, addr, exec.Command(bin, "-n", "-f", conf, "-i", filepath.Join(dir, "pid")))
	to := syslogTo("tcp", addr, "")
	events := []publish.Event{event(t), wild(t), health(t, false, hostile)}
	if err := to.Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for deadline := time.Now().Add(20 * time.Second); len(lines) < len(events) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		b, _ := os.ReadFile(out)
		lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	if len(lines) != len(events) {
		t.Fatalf("%d lines for %d events:\n%s", len(lines), len(events), strings.Join(lines, "\n"))
	}
	for i, l := range lines {
		if !strings.HasPrefix(l, "16|") || !strings.Contains(l, "|host-a|vedette|") {
			t.Errorf("understood as %.200q", l)
		}
		_, body, ok := strings.Cut(l, "] | ")
		if !ok {
			_, body, ok = strings.Cut(l, "]|")
		}
		if !ok {
			t.Fatalf("no structured data: %q", l)
		}
		if v := decode(t, []byte(strings.TrimSpace(body))); v["id"] != events[i].ID {
			t.Errorf("event %v, want %s", v["id"], events[i].ID)
		}
	}
}

// checkCEF reads CEF as its specification says, and checks that hostile text
// made no field of its own.
func checkCEF(t *testing.T, s string) {
	t.Helper()
	var fields []string
	rest := s
	for len(fields) < 7 {
		i := 0
		for i < len(rest) && rest[i] != '|' {
			if rest[i] == '\\' {
				i++
			}
			i++
		}
		if i >= len(rest) {
			t.Fatalf("%d fields in the header of %q", len(fields), s)
		}
		fields, rest = append(fields, rest[:i]), rest[i+1:]
	}
	if fields[0] != "CEF:0" || fields[1] != "Vedette" {
		t.Errorf("header %q", fields)
	}
	if n, err := strconv.Atoi(fields[6]); err != nil || n < 0 || n > 10 {
		t.Errorf("severity %q", fields[6])
	}
	keys := regexp.MustCompile(`(?:^| )([A-Za-z0-9]+)=`).FindAllStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(rest, `\\`, "//"), `\=`, "//"), -1)
	known := "rt externalId cat cnt start end msg dvchost src suser requestClientApplication cs1 cs1Label cs2 cs2Label cs3 cs3Label cs4 cs4Label cs5 cs5Label cs6 cs6Label"
	for _, k := range keys {
		if !strings.Contains(" "+known+" ", " "+k[1]+" ") {
			t.Errorf("a field %s in %q", k[1], rest)
		}
	}
	if len(keys) < 3 {
		t.Errorf("%d fields in %q", len(keys), rest)
	}
	mustLack(t, "CEF", s, unseen()...)
}

// FuzzText: no text of an attacker breaks out of a line of text, CEF or syslog.
func FuzzText(f *testing.F) {
	f.Add(hostile)
	f.Add("a\nCEF:0|x|y|1|1|1|10|")
	f.Fuzz(func(t *testing.T, s string) {
		e := event(t)
		e.Finding().Title, e.Finding().Description = s, s
		for _, format := range []string{target.FormatText, target.FormatCEF} {
			var b bytes.Buffer
			file := filepath.Join(t.TempDir(), "f")
			if err := (&target.File{Form: target.Form{Format: format, Version: "1"}, Path: file}).Send(t.Context(), []publish.Event{e}); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(bytes.TrimSuffix(text, []byte("\n")))
			mustLack(t, format, b.String(), unseen()...)
			if format == target.FormatCEF {
				checkCEF(t, b.String())
			}
		}
	})
}
