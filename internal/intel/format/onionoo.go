package format

import (
	"bufio"
	"slices"
)

// relay is one of Onionoo's details documents, or of its summary.
type relay struct {
	Running     *bool    `json:"running"`
	Flags       []string `json:"flags"`
	ORAddresses []string `json:"or_addresses"`
	Exits       []string `json:"exit_addresses"`
	LastSeen    string   `json:"last_seen"`

	ShortAddresses []string `json:"a"`
	ShortRunning   *bool    `json:"r"`
}

// onionoo reads relays. Each address comes out once for every role it has:
// "relay", and "exit" and "guard" for those that the network's directory marks so.
func (s *sink) onionoo(in *bufio.Reader) error {
	j := newJSON(in)
	return j.members(func(key string) error {
		if key == "relays" {
			return j.elements(func() error { return s.relay(j) })
		}
		return j.skip()
	})
}

func (s *sink) relay(j *jsonReader) error {
	var r relay
	wrong, err := j.into(&r)
	if err != nil {
		return err
	}
	line := j.line()
	if wrong != "" {
		return s.fault(line, "relay: %s", wrong)
	}
	if r.Running != nil && !*r.Running || r.ShortRunning != nil && !*r.ShortRunning {
		s.skip("relay that does not run")
		return nil
	}
	e := Entry{Line: line, Confidence: -1, Last: when(r.LastSeen)}
	addresses := slices.Concat(r.ORAddresses, r.ShortAddresses)
	roles := []struct {
		word  string
		has   bool
		where []string
	}{
		{"exit", slices.Contains(r.Flags, "Exit") || slices.Contains(r.Flags, "BadExit"), slices.Concat(r.Exits, addresses)},
		{"guard", slices.Contains(r.Flags, "Guard") || slices.Contains(r.Flags, "Authority"), addresses},
		{"relay", true, addresses},
	}
	for _, role := range roles {
		if !role.has {
			continue
		}
		e.Threat = role.word
		for _, a := range role.where {
			if err := s.value(a, e); err != nil {
				return err
			}
		}
	}
	return nil
}
