package detect

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// exfiltrationType is of names that carry data away.
const exfiltrationType = "Trojan:EC2/DNSDataExfiltration"

// carrier turns data into the questions that a tool would ask, as its documents
// say how it encodes; the code is ours.
type carrier struct {
	name, typ string
	every     time.Duration
	// at most so many bytes a question, and the left part of its name
	chunk int
	left  func(n int, data []byte) string
}

func carriers() []carrier {
	return []carrier{
		// iodine upstream: a user's digit, counters, base 32 of its own alphabet, in labels of 57.
		{"iodine", "NULL", 500 * time.Millisecond, 110, func(n int, data []byte) string {
			return dots(fmt.Sprintf("%x%c%c%c", n%16, 'a'+n%26, 'a'+n/26%26, 'a'+n/676%26)+iodine32(data), 57)
		}},
		// dnscat2: hex of a packet (id, type, session, numbers, data) in labels of 60 at most.
		{"dnscat2", "CNAME", time.Second, 90, func(n int, data []byte) string {
			packet := append([]byte{byte(n >> 8), byte(n), 1, 0x5A, 0x17, byte(n >> 8), byte(n), 0, 1}, data...)
			return dots(hex.EncodeToString(packet), 60)
		}},
		{"dnscat2, TXT", "TXT", time.Second, 40, func(n int, data []byte) string {
			return dots(hex.EncodeToString(append([]byte{byte(n >> 8), byte(n), 1, 0x5A, 0x17}, data...)), 60)
		}},
		// dns2tcp: base 64 of session, sequence and data, then the resource.
		{"dns2tcp", "TXT", 200 * time.Millisecond, 8, func(n int, data []byte) string {
			head := []byte{0x12, 0x34, byte(n >> 8), byte(n), 0, 0, 1}
			return dots(base64.StdEncoding.EncodeToString(append(head, data...)), 63) + ".=connect"
		}},
		// ozymandns upstream: base 32 in labels of 63, then counter, id and direction.
		{"ozymandns", "TXT", 500 * time.Millisecond, 100, func(n int, data []byte) string {
			return dots(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(data)), 63) + fmt.Sprintf(".%d-%d.id-%d.up", n, len(data), 34567)
		}},
		// A shell loop over base 64 of a file, in pieces of a label.
		{"a loop in a shell", "A", 500 * time.Millisecond, 22, func(_ int, data []byte) string {
			return base64.RawURLEncoding.EncodeToString(data)
		}},
	}
}

func iodine32(data []byte) string {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz012345").WithPadding(base32.NoPadding).EncodeToString(data)
}

// dots cuts a text into labels.
func dots(text string, length int) string {
	var labels []string
	for part := range slices.Chunk([]byte(text), length) {
		labels = append(labels, string(part))
	}
	return strings.Join(labels, ".")
}

// TestTunnels: each tool is found within a minute and 3 KiB of names.
func TestTunnels(t *testing.T) {
	for _, c := range carriers() {
		r := rand.New(rand.NewPCG(1, 2))
		state, bytes := newDNSState("test"), 0
		found := false
		for n := range 400 {
			data := make([]byte, c.chunk)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			left := strings.ToLower(c.left(n, data)) // as query logs are read
			at := time.Duration(n) * c.every
			bytes += len(left)
			q := &dnsQuestion{name: left + ".t.example.org", typ: c.typ, rcode: "NOERROR", time: t0.Add(at), asker: dnsAsker{id: "i-1"}}
			if len(q.name) > 253 {
				t.Fatalf("%s: a name of %d", c.name, len(q.name))
			}
			if v := state.exfiltrates(newAsking().set, q); v != nil {
				found = true
				t.Logf("%s: after %d questions, %v and %d bytes: %s", c.name, n+1, at, bytes, v.why)
				if bytes > 3<<10 || at > time.Minute {
					t.Errorf("%s: only after %d bytes and %v", c.name, bytes, at)
				}
				if odd := v.info["textTypesPercent"].(int64) > 50; odd != (c.typ != "A") || v.info["bitsPerCharacter"].(float64) < 3 {
					t.Errorf("%s: %v", c.name, v.info)
				}
				break
			}
		}
		if !found {
			t.Errorf("%s is not found", c.name)
		}
	}
}

// TestTunnelHabits: what a machine sends to a domain day by day is no finding
// when it is a little more, and is one again when it is much more.
func TestTunnelHabits(t *testing.T) {
	// on asks for n names of 40 characters within half an hour.
	on := func(s *stream, r *rand.Rand, d, n int, domain string) {
		for i := range n {
			s.ask(time.Duration(d)*day+time.Duration(i)*30*time.Minute/time.Duration(n), "i-1", secret(r, 40)+"."+domain)
		}
	}
	const found = exfiltrationType + " ACTOR 8 1"
	for name, c := range map[string]struct {
		want string
		make func(*stream, *rand.Rand)
	}{
		"a little more than every day": {"", func(s *stream, r *rand.Rand) {
			for d := range 10 {
				on(s, r, d, 35+2*d, "vendor.example.org")
			}
		}},
		"much more than every day": {found, func(s *stream, r *rand.Rand) {
			for d := range 10 {
				on(s, r, d, 35, "vendor.example.org")
			}
			on(s, r, 10, 90, "vendor.example.org")
		}},
		"another domain": {found, func(s *stream, r *rand.Rand) {
			for d := range 10 {
				on(s, r, d, 40, "vendor.example.org")
			}
			on(s, r, 10, 60, "example.net")
		}},
		"what raised a finding is no habit": {exfiltrationType + " ACTOR 8 3", func(s *stream, r *rand.Rand) {
			for d := range 3 {
				on(s, r, 2*d, 60, "t.example.org")
			}
		}},
		"a habit of long ago": {found, func(s *stream, r *rand.Rand) {
			for d := range 3 {
				on(s, r, d, 40, "vendor.example.org")
			}
			for d := 20; d < 26; d++ { // what is learned makes room
				on(s, r, d, 40, "other.example.net")
			}
			on(s, r, 40, 60, "vendor.example.org")
		}},
	} {
		s := newStream()
		c.make(s, rand.New(rand.NewPCG(4, 4)))
		if got := types(s.judge(t, Options{})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTunnelOfOthers: a domain that two other machines ask, too, is not one that
// many do.
func TestTunnelOfOthers(t *testing.T) {
	for others, want := range map[int]string{0: exfiltrationType, 2: exfiltrationType, 3: ""} {
		s := newStream()
		r := rand.New(rand.NewPCG(8, 8))
		for i := range others {
			s.ask(0, fmt.Sprintf("i-other-%d", i), secret(r, 30)+".t.example.org")
		}
		for i := range 60 {
			s.ask(time.Duration(i)*time.Second, "i-1", secret(r, 60)+".t.example.org", func(q *event.Query) { q.Type = "TXT" })
		}
		if got, _, _ := strings.Cut(types(s.judge(t, Options{})), " "); got != want {
			t.Errorf("%d others: %q", others, got)
		}
	}
}

func TestBitsOf(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "aaaa": 0, "abab": 1, "abcdefgh": 3, "0123456789abcdef": 4} {
		if got := bitsOf(text); got != want {
			t.Errorf("%q: %v bits", text, got)
		}
	}
}
