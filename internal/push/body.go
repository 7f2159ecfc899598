package push

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
)

// fullBody is how much goes into one body, before compression: what the server
// makes one entry of its journal of.
const fullBody = 1 << 20

// route is where records belong. Those of an API server do not name their
// cluster, and lines of flow logs not their fields.
type route struct {
	source          event.Source
	cluster, format string
}

func routeOf(source event.Source, cluster, format string) route {
	switch source {
	case event.K8sAudit, event.RuntimeEvents:
		return route{source, cluster, ""}
	case event.VPCFlow:
		return route{source, "", format}
	}
	return route{source: source}
}

// on is the URL of the route at a server.
func (r route) on(server *url.URL) *url.URL {
	u := server.JoinPath("ingest", string(r.source))
	if r.cluster != "" {
		u = u.JoinPath(r.cluster)
	}
	if r.format != "" {
		u.RawQuery = url.Values{"format": {r.format}}.Encode()
	}
	return u
}

// body is what is posted at once: records of one route, in the order in which
// they were read, each on a line or each an element of a list.
type body struct {
	route route
	list  bool
	alone bool // its one record cannot stand beside others
	data  []byte
	ends  []int // of the elements of a list
	parts []part
	tally
}

// tally counts the records of a body.
type tally struct {
	records int64
	good    int64 // of them, those that something can be made of
}

func (t *tally) add(o tally) {
	t.records += o.records
	t.good += o.good
}

// tallyOf counts what was decoded. What is left out on purpose, such as the
// lines of another log, is no fault of the input.
func tallyOf(b *event.Batch) tally {
	n := int64(len(b.Events))
	t := tally{n, n}
	for _, r := range b.Rejects {
		t.records += r.Count
		if r.Outcome != event.Malformed {
			t.good += r.Count
		}
	}
	return t
}

// part says where the data from an offset on was read.
type part struct {
	at     int
	stream string
	line   int64 // of the data at the offset, from 1; 0 where there are no lines
	record int64 // the first one's number in its stream, from 1
}

// media tells the server how to take the body apart, so that it need not guess.
func (b *body) media() string {
	if b.list || b.alone {
		return uplink.MediaDocument
	}
	return uplink.MediaLines
}

// text is the body as it is posted.
func (b *body) text() []byte {
	if !b.list {
		return b.data
	}
	out := make([]byte, 0, len(b.data)+2)
	return append(append(append(out, '['), b.data...), ']')
}

// addLines appends whole lines.
func (b *body) addLines(data []byte, from part) {
	from.at = len(b.data)
	b.parts = append(b.parts, from)
	b.data = append(b.data, data...)
	if n := len(b.data); n > 0 && b.data[n-1] != '\n' {
		b.data = append(b.data, '\n')
	}
}

// addElement appends one JSON value.
func (b *body) addElement(value []byte, from part) {
	if len(b.data) > 0 {
		b.data = append(b.data, ",\n"...)
	}
	from.at = len(b.data)
	b.parts = append(b.parts, from)
	b.data = append(b.data, value...)
	b.ends = append(b.ends, len(b.data))
}

// halves splits a body between two records; it reports false where there is
// nothing to split. What the halves hold is not counted.
func (b *body) halves() (head, rest *body, ok bool) {
	var cut, next int
	switch {
	case b.alone:
		return nil, nil, false
	case b.list && len(b.ends) > 1:
		n := len(b.ends) / 2
		cut = b.ends[n-1]
		next = cut + len(",\n")
	case !b.list:
		mid := len(b.data) / 2
		cut = bytes.IndexByte(b.data[mid:], '\n') + mid + 1
		if cut >= len(b.data) {
			cut = bytes.LastIndexByte(b.data[:max(len(b.data)-1, 0)], '\n') + 1
		}
		next = cut
	}
	if cut <= 0 || cut >= len(b.data) {
		return nil, nil, false
	}
	head = &body{route: b.route, list: b.list, data: b.data[:cut:cut]}
	rest = &body{route: b.route, list: b.list, data: b.data[next:]}
	for _, end := range b.ends {
		if end <= cut {
			head.ends = append(head.ends, end)
		} else {
			rest.ends = append(rest.ends, end-next)
		}
	}
	head.parts = b.within(0, cut)
	rest.parts = b.within(next, len(b.data))
	return head, rest, true
}

// within are the parts of a range, as seen from its beginning.
func (b *body) within(from, to int) []part {
	var out []part
	for i, p := range b.parts {
		end := len(b.data)
		if i+1 < len(b.parts) {
			end = b.parts[i+1].at
		}
		if end <= from || p.at >= to {
			continue
		}
		if p.at < from {
			if p.line > 0 {
				p.line += int64(bytes.Count(b.data[p.at:from], []byte{'\n'}))
			}
			p.at = from
		}
		p.at -= from
		out = append(out, p)
	}
	return out
}

// where names the place that a body begins at, for messages.
func (b *body) where() string {
	if len(b.parts) == 0 {
		return ""
	}
	text := b.parts[0].String()
	if n := len(slices.Compact(streamsOf(b.parts))); n > 1 {
		text += fmt.Sprintf(" and %d files behind it", n-1)
	}
	return text
}

func streamsOf(parts []part) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.stream
	}
	return out
}

func (p part) String() string {
	name := cmp.Or(p.stream, "-")
	switch {
	case p.line > 0:
		return fmt.Sprintf("%s:%d", name, p.line)
	case p.record > 0:
		return fmt.Sprintf("%s, record %d", name, p.record)
	}
	return name
}
