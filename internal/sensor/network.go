package sensor

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// network tells of sockets and of what goes over them.
func (s *Sensor) network(rec *kernel.Record) error {
	p := s.actor(&rec.Actor)
	n := rec.Network
	switch {
	case n.DNS != nil:
		return s.dns(rec, p, n.DNS)
	case n.Stratum != nil:
		s.out.Stratum = &event.Stratum{
			Method: text(n.Stratum.Method), User: text(n.Stratum.User), Agent: text(n.Stratum.Agent), Socket: socketOf(&n.Stratum.Socket),
		}
		return s.tell(rec, p, event.KindStratum)
	case n.Connection != nil:
		return s.connection(rec, p, n.Connection)
	}
	return nil
}

func (s *Sensor) connection(rec *kernel.Record, p *proc.Process, c *kernel.Connection) error {
	body := &event.Connection{Socket: socketOf(&c.Socket)}
	s.out.Net = body
	if c.Folded > 0 {
		body.Count = c.Folded + 1
	}
	if c.Result != kernel.ResultOK {
		s.out.Error = errnoName(int(c.Result))
	}
	switch rec.Kind {
	case kernel.KindConnect:
		if c.Socket.Protocol == kernel.ProtocolUDP && !c.Sent {
			// An address was set and nothing sent: how resolvers look for a route.
			s.tally.filtered[string(event.KindConnect)]++
			s.reset()
			return nil
		}
		body.Established = c.Result == kernel.ResultOK
		return s.tell(rec, p, event.KindConnect)
	case kernel.KindAccept:
		body.Established, body.Socket.Accepted = true, true
		return s.tell(rec, p, event.KindAccept)
	case kernel.KindListen:
		if c.Result == kernel.ResultOK {
			s.table.Listen(p, proc.Port{NetNS: rec.Actor.NetNS, Number: c.Socket.Local.Port()})
		}
		return s.tell(rec, p, event.KindListen)
	case kernel.KindBind:
		return s.tell(rec, p, event.KindBind)
	case kernel.KindSocket:
		return s.tell(rec, p, event.KindSocket)
	}
	s.reset()
	return nil
}

func socketOf(n *kernel.NetSocket) event.Socket {
	return event.Socket{
		Family: familyName(n.Family), Type: socketType(n.Type), Protocol: uint8(n.Protocol),
		Local: n.Local, Remote: n.Remote, Inode: n.Inode,
	}
}

// dns tells of each question, and of what was answered to it.
func (s *Sensor) dns(rec *kernel.Record, p *proc.Process, d *kernel.DNS) error {
	for i := range d.Messages {
		m := &d.Messages[i]
		for _, q := range m.Questions {
			l := &event.Lookup{
				Transport: "UDP", Server: d.Socket.Remote, Local: d.Socket.Local, ID: m.ID, Response: m.Response,
				Name: q.Name, Type: kernel.DNSType(q.Type),
			}
			if d.Socket.Protocol == kernel.ProtocolTCP {
				l.Transport = "TCP"
			}
			if m.Response == d.Outbound { // it is the server
				l.Server = d.Socket.Local
			}
			if m.Response {
				l.Rcode = kernel.DNSRcode(m.Rcode)
			}
			for _, a := range m.Answers {
				l.Answers = append(l.Answers, event.DNSRecord{Name: a.Name, Type: kernel.DNSType(a.Type), Data: a.Text()})
			}
			s.out.DNS = l
			if err := s.tell(rec, p, event.KindDNS); err != nil {
				return err
			}
		}
	}
	return nil
}

// stdio describes a standard stream. A connection at a port that somebody
// listens on was begun by the other end.
func (s *Sensor) stdio(fd int, d *kernel.Descriptor, netns uint32) event.Stdio {
	out := event.Stdio{FD: fd}
	switch {
	case d.Mode == 0:
		return event.Stdio{}
	case d.IsSocket():
		out.Kind, out.Inode = "socket", d.Inode
		out.Socket = &event.Socket{
			Family: familyName(d.Family), Type: socketType(d.Type), Protocol: uint8(d.Protocol), Local: d.Local, Remote: d.Remote, Inode: d.Inode,
			Accepted: d.Protocol == kernel.ProtocolTCP && s.table.Serves(proc.Port{NetNS: netns, Number: d.Local.Port()}),
		}
	case d.IsPipe():
		out.Kind, out.Inode = "pipe", d.Inode
	case d.IsTerminal():
		out.Kind = "tty"
	case d.IsNull():
		out.Kind, out.Path = "null", "/dev/null"
	case d.IsFile():
		out.Kind, out.Inode = "file", d.Inode
	default:
		out.Kind = "other"
	}
	return out
}

// streams are the standard streams of a process that are open.
func streams(p *proc.Process) []event.Stdio {
	var out []event.Stdio
	for _, f := range p.Streams {
		if f.Kind != "" {
			out = append(out, f)
		}
	}
	return out
}
