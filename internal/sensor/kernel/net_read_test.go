package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// payload is a record with a payload as the programs write it.
func payload(kind Kind, protocol uint16, data []byte) []byte {
	b := make([]byte, wordsSize, wordsSize+len(data)+8)
	binary.LittleEndian.PutUint16(b[4:], uint16(kind))
	binary.LittleEndian.PutUint64(b[120:], 77)                            // cookie
	copy(b[136:], []byte{127, 0, 0, 1})                                   // local
	copy(b[152:], []byte{192, 0, 2, 1})                                   // remote
	binary.LittleEndian.PutUint16(b[168:], 40000)                         // local port
	binary.LittleEndian.PutUint16(b[170:], 53)                            // remote port
	binary.LittleEndian.PutUint16(b[172:], familyIPv4)                    //
	binary.LittleEndian.PutUint16(b[174:], protocol)                      //
	binary.LittleEndian.PutUint32(b[188:], uint32(len(data)))             // on the wire
	binary.LittleEndian.PutUint16(b[192:], uint16(len(data)))             // here
	binary.LittleEndian.PutUint16(b[194:], wordsOutbound)                 //
	return append(append(b, data...), 0xee, 0xee, 0xee, 0xee, 0, 0, 0, 0) // what the ring held before
}

func TestReadStratum(t *testing.T) {
	for _, c := range []struct {
		words string
		want  Stratum
	}{
		{`{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}` + "\n", Stratum{Method: "mining.subscribe", Agent: "cgminer/4.11.1"}},
		{`{"id": 1, "method": "mining.subscribe", "params": []}`, Stratum{Method: "mining.subscribe"}},
		{`{"id":2,"method":"mining.authorize","params":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig","x"]}`, Stratum{Method: "mining.authorize", User: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT.rig"}},
		{`{"id":1,"method":"mining.subscribe","params":["bfgminer"]}` + "\n" + `{"id":2,"method":"mining.authorize","params":["w.1","x"]}`, Stratum{Method: "mining.subscribe", Agent: "bfgminer", User: "w.1"}},
		{`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44w","pass":"x","agent":"XMRig/6"}}`, Stratum{Method: "login", User: "44w", Agent: "XMRig/6"}},
		{`{"id":1,"method":"eth_submitLogin","params":["0xabc"],"worker":"rig"}`, Stratum{Method: "eth_submitlogin", User: "0xabc"}},
		// Cut in the middle of the parameters.
		{`{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.ma`, Stratum{Method: "mining.configure"}},
		// No miners.
		{`{"method":"login","params":["alice","secret"]}`, Stratum{}},
		{`{"jsonrpc":"2.0","method":"login","params":{"login":"alice"}}`, Stratum{}},
		{`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"rootUri":"file:///mining.go"}}`, Stratum{}},
		{`{"note":"mining.subscribe"}`, Stratum{}},
		{`{"id":1,"method":{"mining.subscribe":1}}`, Stratum{}},
		{`{"id":1,"meth`, Stratum{}},
		{"{\"method\":\"mining.\xff", Stratum{}},
	} {
		r, n := newNetworkReader(), Network{}
		if err := n.decode(KindStratum, payload(KindStratum, ProtocolTCP, []byte(c.words))); err != nil {
			t.Fatal(err)
		}
		told := r.read(&n)
		if told {
			if n.Stratum.Socket.Remote != netip.MustParseAddrPort("192.0.2.1:53") {
				t.Errorf("%s: %+v", c.words, n.Stratum.Socket)
			}
			n.Stratum.Socket = NetSocket{}
		}
		want := c.want
		if told != (want.Method != "") || told && *n.Stratum != want || told == (r.stats.NotMining == 1) {
			t.Errorf("%s: %v %+v, want %+v", c.words, told, n.Stratum, want)
		}
	}
}

func TestReadDNSCounts(t *testing.T) {
	r, n := newNetworkReader(), Network{}
	read := func(protocol uint16, data []byte) int {
		if err := n.decode(KindDNS, payload(KindDNS, protocol, data)); err != nil {
			t.Fatal(err)
		}
		if !r.read(&n) {
			return 0
		}
		return len(n.DNS.Messages)
	}
	if got := read(ProtocolUDP, question(dnsA, "a")); got != 1 {
		t.Errorf("%d messages of a question", got)
	}
	if got := read(ProtocolUDP, question(dnsA, "a")[:14]); got != 0 {
		t.Errorf("%d messages of half a question", got)
	}
	if got := read(ProtocolTCP, framed(question(dnsA, "a"), question(dnsA, "b"))); got != 2 {
		t.Errorf("%d messages of a segment with two", got)
	}
	want := ReaderStats{Messages: 3, Malformed: 1}
	if diff := cmp.Diff(want, r.stats); diff != "" {
		t.Error(diff)
	}
}

// FuzzNetworkRecord: whatever is in the ring is a record or an error.
func FuzzNetworkRecord(f *testing.F) {
	f.Add(uint16(KindDNS), payload(KindDNS, ProtocolUDP, question(dnsA, "a")))
	f.Add(uint16(KindDNS), payload(KindDNS, ProtocolTCP, framed(answerPacket(f))))
	f.Add(uint16(KindStratum), payload(KindStratum, ProtocolTCP, []byte(`{"method":"mining.subscribe"}`)))
	f.Add(uint16(KindConnect), make([]byte, connectionSize))
	f.Fuzz(func(t *testing.T, kind uint16, b []byte) {
		k := KindConnect + Kind(kind)%(KindStratum-KindConnect+1)
		r, n := newNetworkReader(), Network{}
		if err := n.decode(k, b); err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatal(err)
			}
			return
		}
		bodies := 0
		for _, set := range []bool{n.Connection != nil, n.DNS != nil, n.Stratum != nil} {
			if set {
				bodies++
			}
		}
		if bodies != 1 {
			t.Fatalf("%v has %d bodies", k, bodies)
		}
		if told := r.read(&n); told && n.DNS != nil && len(n.DNS.Messages) == 0 || told && n.Stratum != nil && n.Stratum.Method == "" {
			t.Fatalf("%v tells nothing: %+v", k, n)
		}
	})
}
