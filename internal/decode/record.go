package decode

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// cutMark ends a message that CloudWatch Logs has cut at its size limit.
const cutMark = "[Truncated...]"

// recordStart is how the API server starts every record of its log file. It
// finds the neighbour of a record that was torn by a crash and joined with it.
const recordStart = `{"kind":"Event","apiVersion":"audit.k8s.io/`

// startLike is how the record behind a torn one starts, if it is of its kind.
func startLike(b []byte) []byte {
	for _, start := range []string{`{"eventVersion":"1.`, `{"version":"1.`} {
		if bytes.HasPrefix(b, []byte(start)) {
			return []byte(start)
		}
	}
	return []byte(recordStart)
}

// maxTorn bounds how often one line is searched for the next record, so that
// made-up input cannot cost more than its length allows.
const maxTorn = 64

// record decodes one record, or several that stand on one line without a break.
func (d *Decoder) record(b []byte, cut bool) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return
	}
	b, at, f := d.prefix(b)
	if len(b) == 0 || b[0] != '{' && b[0] != '[' && d.text(b, at, f) {
		return
	}
	d.values(b, cut, at)
}

// prefix takes off what a log service or a container runtime writes before the
// record, and returns the time it tells. What is behind a time may have been
// read already, as a line of a flow log.
func (d *Decoder) prefix(b []byte) (rest []byte, at time.Time, f *event.Flow) {
	if b[0] == 0xEF && bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")) {
		b = b[3:]
	}
	if len(b) > 20 && b[0] >= '0' && b[0] <= '9' && b[4] == '-' {
		stamp, rest, ok := bytes.Cut(b, []byte(" "))
		t, good := d.times.parse(stamp)
		if !ok || !good {
			return b, at, nil
		}
		at, b = t, bytes.TrimLeft(rest, " ")
		for _, cri := range []string{"stdout F ", "stderr F "} {
			b = bytes.TrimPrefix(b, []byte(cri))
		}
		may := false
		if len(b) > 0 && b[0] != '{' {
			f, may = d.mayBeFlow(b)
		}
		if len(b) == 0 || b[0] != '{' && !may {
			d.reject(event.Dropped, event.ReasonOtherStream, "a line of another log in the same group")
			return nil, at, nil
		}
	}
	return b, at, f
}

// values decodes the JSON values that stand one after the other in b.
func (d *Decoder) values(b []byte, cut bool, at time.Time) {
	if body, ok := bytes.CutSuffix(b, []byte(cutMark)); ok {
		b, cut = body, true
	}
	between := " \t\r\n,"
	for torn := 0; len(b) > 0; torn++ {
		n, err := d.value(b, cut, at)
		if err == nil {
			torn--
			b = bytes.TrimLeft(b[n:], between)
			continue
		}
		d.rejectValue(b, cut, err)
		if rest, ok := behindWhole(b, err); ok {
			torn--
			b = rest
			continue
		}
		// A torn record takes its own line end with it: the next record then
		// stands behind it on the same line, and is not lost. What was decoded
		// before the fault is not decoded again.
		n = max(n, 1)
		next := bytes.Index(b[n:], startLike(b))
		if next < 0 || torn >= maxTorn {
			return
		}
		b = b[n+next:]
		between = " \t\r\n,]}" // the ends of what was torn
	}
}

// behindWhole is what stands behind a value that is whole and of no use, such
// as the test message that begins an object of CloudWatch Logs, if it is
// another value.
func behindWhole(b []byte, err error) ([]byte, bool) {
	var r *rejection
	if !errors.As(err, &r) {
		return nil, false
	}
	s := jsonscan.Scanner{Data: b}
	if _, err := s.Skip(); err != nil {
		return nil, false
	}
	rest := bytes.TrimLeft(b[s.Pos:], " \t\r\n,")
	return rest, len(rest) > 0 && (rest[0] == '{' || rest[0] == '[')
}

// rejection is an error that already knows how the record ends.
type rejection struct {
	outcome event.Outcome
	reason  event.Reason
	detail  string
	source  event.Source // "" if it is not known
}

func (r *rejection) Error() string { return r.detail }

func malformed(reason event.Reason, format string, args ...any) error {
	return &rejection{outcome: event.Malformed, reason: reason, detail: fmt.Sprintf(format, args...)}
}

func dropped(reason event.Reason, format string, args ...any) error {
	return &rejection{outcome: event.Dropped, reason: reason, detail: fmt.Sprintf(format, args...)}
}

// from says of which source the record of a rejection is.
func from(source event.Source, err error) error {
	if r, ok := err.(*rejection); ok {
		r.source = source
	}
	return err
}

func (d *Decoder) rejectValue(b []byte, cut bool, err error) {
	var r *rejection
	switch {
	case errors.As(err, &r):
		if r.source != "" {
			d.source = r.source
		}
		d.reject(r.outcome, r.reason, r.detail)
	case cut:
		d.reject(event.Malformed, event.ReasonTooLong, "the record was cut before it said what it is")
	case errors.Is(err, jsonscan.ErrCut):
		d.reject(event.Malformed, event.ReasonIncomplete, "the record ends in the middle: "+excerpt(b))
	default:
		d.reject(event.Malformed, event.ReasonNotJSON, "this is not JSON: "+excerpt(b))
	}
}

// excerpt shows the start of a record in a message, safe for a terminal.
func excerpt(b []byte) string {
	const limit = 60
	more := ""
	if len(b) > limit {
		b, more = b[:limit], "…"
	}
	return fmt.Sprintf("%q", b) + more
}

// value decodes the one JSON value at the start of b and returns its length.
// With an error it returns the length of what was decoded before the fault.
func (d *Decoder) value(b []byte, cut bool, at time.Time) (int, error) {
	if d.depth++; d.depth > maxNested {
		d.depth--
		return 0, malformed(event.ReasonNotAudit, "lists of records inside each other, more than %d deep", maxNested)
	}
	defer func() { d.depth-- }()
	s := jsonscan.Scanner{Data: b}
	switch b[0] {
	case '{':
	case '[':
		err := d.list(&s, cut, at)
		return s.Pos, err
	default:
		return 0, jsonscan.ErrSyntax
	}
	if !bytes.HasPrefix(b, []byte(`{"kind"`)) {
		if n, is, err := d.guess(b, cut, at); is {
			return n, err
		}
	}
	w := wrapper{at: at, cut: cut}
	used := d.out.audits.used
	a := d.out.audits.next()
	err := d.auditEvent(&s, a, &w)
	whole := err == nil || cut && errors.Is(err, jsonscan.ErrCut)
	switch {
	case w.listed && whole: // the items took the places behind a
		return s.Pos, nil
	case w.listed:
		return s.Pos, err
	case !whole:
		d.out.audits.used = used
		return 0, err
	}
	if isAudit(a, &w) {
		if err := checkVersion(w.apiVersion); err != nil {
			d.out.audits.used = used
			return 0, from(event.K8sAudit, err)
		}
		if err == nil && a.StageTime.IsZero() && a.Received.IsZero() && at.IsZero() {
			d.out.audits.used = used
			d.timeless(event.K8sAudit, "an audit event without stageTimestamp", b[:s.Pos])
			return s.Pos, nil
		}
		d.addAudit(a, b[:s.Pos], err != nil, at)
		return s.Pos, nil
	}
	d.out.audits.used = used
	if n, is, err := d.otherOrder(b, cut, at, &w); is {
		return n, err
	}
	if err != nil {
		return 0, err
	}
	return s.Pos, d.wrapped(&w, at)
}

// maxNested bounds how deep wrappers may stand inside each other.
const maxNested = 16

func isAudit(a *event.Audit, w *wrapper) bool {
	if w.kind != "" && w.kind != "Event" || w.items != nil {
		return false
	}
	if strings.HasPrefix(w.apiVersion, "audit.k8s.io/") {
		return a.AuditID != "" || a.Verb != "" || a.RequestURI != ""
	}
	return w.apiVersion == "" && a.AuditID != "" && (a.Verb != "" || a.Stage != "")
}

func checkVersion(v string) error {
	switch v {
	case "", "audit.k8s.io/v1", "audit.k8s.io/v1beta1":
		return nil
	}
	if strings.HasPrefix(v, "audit.k8s.io/") {
		return malformed(event.ReasonVersion, "audit version %q is not read; audit.k8s.io/v1 and v1beta1 are", v)
	}
	return malformed(event.ReasonNotAudit, "apiVersion %q is not an audit event's", v)
}

// list decodes an array of records. A fault inside one element costs that
// element alone as long as its end can be found; otherwise the scanner stops
// behind its beginning.
func (d *Decoder) list(s *jsonscan.Scanner, cut bool, at time.Time) error {
	if err := s.Enter('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		ok, err := s.More(first)
		if err != nil || !ok {
			return err
		}
		// Most elements are good, and then their end is known without looking for it.
		start := s.Pos
		n, err := d.element(s.Data[start:], cut, at)
		if err == nil {
			s.Pos += n
			continue
		}
		raw, skipped := s.Skip()
		switch {
		case skipped == nil:
			d.rejectElement(raw, false, err)
		case cut && errors.Is(skipped, jsonscan.ErrCut):
			d.rejectElement(raw, true, err)
			return nil
		default:
			s.Pos = start + max(n, 1)
			return skipped
		}
	}
}

// element decodes one record of a list and returns its length.
func (d *Decoder) element(b []byte, cut bool, at time.Time) (int, error) {
	if b[0] != '{' {
		return 0, errNoObject
	}
	return d.value(b, cut, at)
}

var errNoObject = errors.New("a list element that is no object")

func (d *Decoder) rejectElement(raw []byte, cut bool, err error) {
	if errors.Is(err, errNoObject) {
		err = malformed(event.ReasonNotAudit, "a list element that is no object: %s", excerpt(raw))
	}
	d.rejectValue(raw, cut, err)
}
