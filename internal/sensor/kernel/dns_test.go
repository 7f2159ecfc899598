package kernel

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

// answerPacket packs an answer with every kind of record that is decoded.
func answerPacket(t testing.TB) []byte {
	t.Helper()
	name := dnsmessage.MustNewName("Pool.Example.COM.")
	target := dnsmessage.MustNewName("cdn.pool.example.com.")
	head := func() dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 300}
	}
	https := dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{Priority: 1, Target: target}}
	https.SetParam(dnsmessage.SVCParamALPN, []byte("\x02h2"))
	https.SetParam(dnsmessage.SVCParamIPv4Hint, []byte{192, 0, 2, 7, 192, 0, 2, 8})
	https.SetParam(dnsmessage.SVCParamIPv6Hint, netip.MustParseAddr("2001:db8::7").AsSlice())
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{
			{Header: head(), Body: &dnsmessage.CNAMEResource{CNAME: target}},
			{Header: head(), Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
			{Header: head(), Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()}},
			{Header: head(), Body: &dnsmessage.TXTResource{TXT: []string{strings.Repeat("x", 200), "y"}}},
			{Header: head(), Body: &dnsmessage.NSResource{NS: target}},
			{Header: head(), Body: &dnsmessage.MXResource{Pref: 10, MX: target}},
			{Header: head(), Body: &dnsmessage.SRVResource{Priority: 5, Port: 3333, Target: target}},
			{Header: head(), Body: &https},
		},
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// question packs one question for labels as they are, which may hold any byte.
func question(qtype uint16, labels ...string) []byte {
	b := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for _, l := range labels {
		b = append(append(b, byte(len(l))), l...)
	}
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, qtype)
	return append(b, 0, 1)
}

func TestParseDNSAnswer(t *testing.T) {
	m, err := parseDNS(answerPacket(t), false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.Answers {
		got = append(got, strings.TrimSpace(r.Name+" "+DNSType(r.Type)+" "+r.Text()))
	}
	want := []string{
		"pool.example.com CNAME cdn.pool.example.com",
		"pool.example.com A 192.0.2.1",
		"pool.example.com AAAA 2001:db8::1",
		"pool.example.com TXT",
		"pool.example.com NS cdn.pool.example.com",
		"pool.example.com MX 10 cdn.pool.example.com",
		"pool.example.com SRV 5 cdn.pool.example.com",
		"pool.example.com HTTPS 1 cdn.pool.example.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := m.Answers[3].Size; n != 203 {
		t.Errorf("the TXT record has %d bytes, want 203", n)
	}
	if n := len(m.Answers[7].Hints); n != 3 {
		t.Errorf("the HTTPS record has %d hints, want 3: %v", n, m.Answers[7].Hints)
	}
	if m.ID != 4711 || !m.Response || m.Partial || m.Damage != "" || DNSRcode(m.Rcode) != "NOERROR" {
		t.Errorf("%+v", m)
	}
}

func TestDNSNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{nil, "."},
		{[]string{"WWW", "eXample", "com"}, "www.example.com"},
		{[]string{"a.b", "c\\d"}, `a\046b.c\092d`},
		{[]string{"\x1b[31m", "ä", "\x00 \xff"}, `\027[31m.\195\164.\000\032\255`},
		{[]string{long, long, long, long[:61]}, strings.Join([]string{long, long, long, long[:61]}, ".")},
	} {
		m, err := parseDNS(question(dnsA, c.labels...), false)
		if err != nil || m.Questions[0].Name != c.want {
			t.Errorf("%q: %+v, %v; want %s", c.labels, m.Questions, err, c.want)
		}
	}
}

func TestMalformedDNS(t *testing.T) {
	pointer := func(to int) []byte { return append(question(dnsA)[:12], 0xc0, byte(to), 0, 1, 0, 1) }
	// A second question whose name is a pointer to a pointer, 62 deep; they lie
	// in the labels of the first.
	var ladder [2][]byte
	last := 12
	for i := range ladder {
		for j := range 31 {
			ladder[i] = append(ladder[i], 0xc0, byte(last))
			last = 13 + 63*i + 2*j
		}
	}
	chain := question(dnsA, string(ladder[0]), string(ladder[1]))
	chain[5] = 2
	chain = append(chain, 0xc0, byte(last), 0, 1, 0, 1)
	long := strings.Repeat("a", 63)
	for name, b := range map[string][]byte{
		"nothing":                      {},
		"half a header":                question(dnsA)[:11],
		"no question behind the head":  question(dnsA)[:12],
		"a label over the end":         question(dnsA, "abc")[:14],
		"no type":                      question(dnsA, "abc")[:18],
		"a pointer to itself":          pointer(12),
		"a pointer over the end":       pointer(200),
		"a chain of pointers":          chain,
		"a reserved label type":        append(question(dnsA)[:12], 0x41, 'a', 0, 0, 1, 0, 1),
		"a name of 256 bytes":          question(dnsA, long, long, long, long[:62]),
		"more questions than it holds": append([]byte{0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0}, question(dnsA, "a")[12:]...),
	} {
		if m, err := parseDNS(b, false); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

// TestDamagedAnswers: what an attacker's server answers must not hide the question.
func TestDamagedAnswers(t *testing.T) {
	whole := answerPacket(t)
	for _, cut := range []bool{false, true} {
		m, err := parseDNS(whole[:len(whole)-40], cut)
		if err != nil || len(m.Answers) != 7 || m.Partial != cut || (m.Damage != "") == cut {
			t.Errorf("cut %v: %+v, %v", cut, m, err)
		}
	}
	b := question(dnsA, "a")
	b[2], b[7] = 0x80, 2
	b = append(b, 0xc0, 12, 0, dnsA, 0, 1, 0, 0, 0, 9, 0, 3, 1, 2, 3) // an address of three bytes
	b = append(b, 0xc0, 12, 0, dnsA, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4)
	m, err := parseDNS(b, false)
	if err != nil || len(m.Answers) != 2 || m.Answers[1].Addr != netip.MustParseAddr("1.2.3.4") ||
		m.Damage != "answer 1: an address of 3 bytes in a record of type A" {
		t.Errorf("%+v, %v", m, err)
	}
	flood := question(dnsA, "a")
	binary.BigEndian.PutUint16(flood[6:], 0xffff)
	for range 100 {
		flood = append(flood, 0xc0, 12, 0, 99, 0, 1, 0, 0, 0, 9, 0, 0)
	}
	if m, err := parseDNS(flood, false); err != nil || len(m.Answers) != maxDNSAnswers || !m.Partial {
		t.Errorf("of 100 answers: %d, partial %v, %v", len(m.Answers), m.Partial, err)
	}
}

// FuzzDNS: a value or an error, never both, never a panic; and whatever the
// standard parser reads, ours reads alike.
func FuzzDNS(f *testing.F) {
	f.Add(answerPacket(f), false)
	f.Add(answerPacket(f)[:60], true)
	f.Add(question(dnsTXT, "a.b", "\xff"), false)
	f.Add(append(question(dnsA)[:12], 0xc0, 12, 0, 1, 0, 1), false)
	f.Fuzz(func(t *testing.T, b []byte, cut bool) {
		m, err := parseDNS(b, cut)
		if err != nil && !cmp.Equal(m, DNSMessage{}) {
			t.Fatalf("a value and an error: %+v, %v", m, err)
		}
		for _, q := range m.Questions {
			requirePrintable(t, q.Name)
		}
		for _, r := range m.Answers {
			requirePrintable(t, r.Name)
			requirePrintable(t, r.Target)
		}
		var std dnsmessage.Message
		if cut || std.Unpack(b) != nil || len(std.Questions) > maxDNSQuestions || len(std.Answers) > maxDNSAnswers {
			return
		}
		if err != nil {
			t.Fatalf("%v, but the standard parser reads %+v", err, std)
		}
		if m.Damage != "" { // the standard parser believes no length of an address or a name
			std.Answers = std.Answers[:min(len(m.Answers), len(std.Answers))]
		}
		if m.ID != std.ID || m.Response != std.Response || len(m.Questions) != len(std.Questions) || len(m.Answers) < len(std.Answers) {
			t.Fatalf("%+v, but the standard parser reads %+v", m, std)
		}
		for i, q := range std.Questions {
			if got := m.Questions[i]; got.Name != ours(q.Name) || got.Type != uint16(q.Type) {
				t.Fatalf("question %+v, but the standard parser reads %+v", got, q)
			}
		}
		for i, r := range std.Answers {
			got := m.Answers[i]
			if got.Name != ours(r.Header.Name) || got.Type != uint16(r.Header.Type) || got.TTL != r.Header.TTL {
				t.Fatalf("answer %+v, but the standard parser reads %+v", got, r)
			}
			if m.Damage != "" {
				continue
			}
			if a, ok := r.Body.(*dnsmessage.AResource); ok && got.Addr != netip.AddrFrom4(a.A) {
				t.Fatalf("answer %+v, but the standard parser reads %+v", got, a)
			}
			if c, ok := r.Body.(*dnsmessage.CNAMEResource); ok && got.Target != ours(c.CNAME) {
				t.Fatalf("answer %+v, but the standard parser reads %+v", got, c)
			}
		}
	})
}

// ours writes a name of the standard parser as we do.
func ours(n dnsmessage.Name) string {
	if n.Length == 1 {
		return "."
	}
	var out []byte
	for i, label := range bytes.Split(n.Data[:n.Length-1], []byte(".")) {
		if i > 0 {
			out = append(out, '.')
		}
		out = appendDNSLabel(out, label)
	}
	return string(out)
}

func requirePrintable(t *testing.T, s string) {
	t.Helper()
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || 'A' <= s[i] && s[i] <= 'Z' {
			t.Fatalf("byte %d of %q", i, s)
		}
	}
}

// framed puts the two bytes of length in front of each message.
func framed(messages ...[]byte) []byte {
	var out []byte
	for _, m := range messages {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(m))), m...)
	}
	return out
}

// TestDNSStream cuts a stream of messages in every way a few hundred times; the
// same messages must come out, whatever is sent twice.
func TestDNSStream(t *testing.T) {
	messages := [][]byte{question(dnsA, "one"), answerPacket(t), question(dnsTXT, "three", "org")}
	stream := framed(messages...)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		d := newDNSStreams()
		flow := dnsFlow{1, true}
		var got [][]byte
		found := func(m []byte, cut bool) {
			if cut {
				t.Errorf("a message of %d bytes was cut", len(m))
			}
			got = append(got, bytes.Clone(m))
		}
		seq := r.Uint32()
		for off := 0; off < len(stream); {
			n := 1 + r.IntN(min(300, len(stream)-off))
			back := r.IntN(1 + min(off, 20)) // bytes sent again
			d.add(flow, seq+uint32(off-back), stream[off-back:off+n], n+back, found)
			off += n
		}
		if diff := cmp.Diff(messages, got); diff != "" || d.gaps != 0 {
			t.Fatalf("%d gaps; %s", d.gaps, diff)
		}
	}
}

// TestDNSStreamLoss: what the kernel did not send costs no message that it did send.
func TestDNSStreamLoss(t *testing.T) {
	big := append(question(dnsA, "big"), make([]byte, 5000)...)
	next := question(dnsA, "next")
	stream := framed(big, next)
	collect := func(names *[]string) func([]byte, bool) {
		return func(b []byte, cut bool) {
			m, err := parseDNS(b, cut)
			if err != nil {
				t.Fatal(err)
			}
			*names = append(*names, m.Questions[0].Name)
		}
	}
	var cutShort, lost []string
	d := newDNSStreams()
	end := len(framed(big))
	// One segment of which the kernel copied the beginning.
	d.add(dnsFlow{1, true}, 100, stream[:1500], end, collect(&cutShort))
	d.add(dnsFlow{1, true}, 100+uint32(end), stream[end:], len(stream)-end, collect(&cutShort))
	// The same in two segments, of which the second never came.
	d.add(dnsFlow{2, true}, 100, stream[:700], 700, collect(&lost))
	d.add(dnsFlow{2, true}, 100+uint32(end), stream[end:], len(stream)-end, collect(&lost))
	want := []string{"big", "next"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{cutShort, lost}); diff != "" || d.gaps != 1 {
		t.Errorf("%d gaps; %s", d.gaps, diff)
	}
}

func TestDNSStreamsAreBounded(t *testing.T) {
	d := newDNSStreams()
	for i := range uint64(3 * maxDNSStreams) {
		d.add(dnsFlow{i, false}, 0, []byte{0, 200, 1}, 3, func([]byte, bool) {})
	}
	if len(d.live) != maxDNSStreams || len(d.order) != maxDNSStreams {
		t.Errorf("%d streams, %d in order; want %d", len(d.live), len(d.order), maxDNSStreams)
	}
}

func FuzzDNSStream(f *testing.F) {
	f.Add(framed(question(dnsA, "one"), answerPacket(f)), uint32(0), uint16(20))
	f.Add([]byte{0, 0, 0, 0, 0, 1, 9, 255, 255}, uint32(1<<32-3), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, seq uint32, step uint16) {
		d := newDNSStreams()
		for len(b) > 0 {
			n := min(len(b), 1+int(step)%1600)
			d.add(dnsFlow{}, seq, b[:n], n+int(b[0])%3, func(m []byte, cut bool) {
				if len(m) == 0 || len(m) > maxDNSStreamKeep {
					t.Fatalf("a message of %d bytes", len(m))
				}
				_, _ = parseDNS(m, cut)
			})
			if s := d.live[dnsFlow{}]; s != nil && len(s.buf) > maxDNSStreamKeep {
				t.Fatalf("%d bytes kept", len(s.buf))
			}
			seq += uint32(b[0]) % 7 * uint32(n) / 3
			b = b[n:]
		}
	})
}

func BenchmarkParseDNS(b *testing.B) {
	packet := answerPacket(b)
	b.SetBytes(int64(len(packet)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseDNS(packet, false); err != nil {
			b.Fatal(err)
		}
	}
}
