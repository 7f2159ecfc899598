package kernel

import (
	"encoding/json"
	"strings"
)

// networkReader reads what payloads say. It remembers the streams of DNS over
// TCP; it belongs to the one goroutine that reads the ring.
type networkReader struct {
	streams *dnsStreams
	stats   ReaderStats
}

// ReaderStats counts what was read from payloads.
type ReaderStats struct {
	Messages  uint64 // of DNS
	Malformed uint64 // DNS messages that could not be read
	Damaged   uint64 // of Messages: those whose answers could be read in part only
	Gaps      uint64 // segments of DNS over TCP that did not follow the one before
	NotMining uint64 // JSON that looked like a miner's to the kernel
}

func newNetworkReader() *networkReader {
	return &networkReader{streams: newDNSStreams()}
}

// read completes a record that was just decoded and says whether it has
// anything to tell. A segment that holds no whole message does not, nor does a
// message that is none.
func (r *networkReader) read(n *Network) bool {
	switch {
	case n.DNS != nil:
		n.dns = DNS{Socket: n.words.socket, Outbound: n.words.outbound, Messages: n.dns.Messages[:0]}
		r.readDNS(&n.dns, &n.words)
		return len(n.dns.Messages) > 0
	case n.Stratum != nil:
		ok := n.stratum.read(&n.words)
		if !ok {
			r.stats.NotMining++
		}
		return ok
	}
	return n.Connection != nil
}

func (r *networkReader) readDNS(d *DNS, w *words) {
	message := func(b []byte, cut bool) {
		m, err := parseDNS(b, cut)
		if err != nil {
			r.stats.Malformed++
			return
		}
		r.stats.Messages++
		if m.Damage != "" {
			r.stats.Damaged++
		}
		d.Messages = append(d.Messages, m)
	}
	if w.socket.Protocol != ProtocolTCP {
		message(w.data, len(w.data) < w.length)
		return
	}
	r.streams.add(dnsFlow{w.socket.Cookie, w.outbound}, w.seq, w.data, w.length, message)
	r.stats.Gaps = r.streams.gaps
}

// request is a miner's: an array of strings in stratum, an object in the
// dialect of Monero's miners.
type request struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// isMining says whether only miners name a method so. Others use login, too: it
// counts with parameters that are a miner's.
func isMining(method string) bool {
	switch method {
	case "eth_submitlogin", "eth_submithashrate":
		return true
	}
	return strings.HasPrefix(method, "mining.")
}

// read says whether the payload is a miner's first request, and takes it apart.
func (s *Stratum) read(w *words) bool {
	*s = Stratum{Socket: w.socket}
	for line := range strings.Lines(string(w.data)) {
		q, ok := readRequest(line)
		if !ok {
			continue
		}
		name := strings.ToLower(q.Method)
		login := name == "login"
		if !login && !isMining(name) {
			continue
		}
		user, agent, pass := q.names(name)
		if login && (user == "" || agent == "" && pass == "") {
			continue
		}
		if s.Method == "" {
			s.Method = name
		}
		if s.User == "" {
			s.User = user
		}
		if s.Agent == "" {
			s.Agent = agent
		}
	}
	return s.Method != ""
}

// readRequest reads one line. A line that was cut is read as far as its method.
func readRequest(line string) (request, bool) {
	var q request
	if json.Unmarshal([]byte(line), &q) == nil {
		return q, q.Method != ""
	}
	q = request{}
	dec := json.NewDecoder(strings.NewReader(line))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return q, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			break
		}
		switch key {
		case "method":
			if json.Unmarshal(value, &q.Method) != nil {
				return q, false
			}
		case "params":
			q.Params = value
		}
	}
	return q, q.Method != ""
}

// names finds who mines and with what.
func (q request) names(method string) (user, agent, pass string) {
	var object struct {
		Login, Agent, Pass string
	}
	if json.Unmarshal(q.Params, &object) == nil && object != (struct{ Login, Agent, Pass string }{}) {
		return object.Login, object.Agent, object.Pass
	}
	var list []json.RawMessage
	if json.Unmarshal(q.Params, &list) != nil || len(list) == 0 {
		return "", "", ""
	}
	var first string
	if json.Unmarshal(list[0], &first) != nil {
		return "", "", ""
	}
	switch method {
	case "mining.subscribe":
		return "", first, ""
	case "mining.authorize", "mining.submit", "eth_submitlogin":
		return first, "", ""
	}
	return "", "", ""
}
