package decode

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// timeParser reads RFC 3339 times. Audit records carry two each, nearly always
// of the same day as the one before, so it remembers the day.
type timeParser struct {
	day   [10]byte
	start int64 // Unix seconds at which that day starts
}

func (p *timeParser) read(s *jsonscan.Scanner, key []byte) (time.Time, error) {
	if s.Space() != '"' {
		raw, err := s.Skip()
		if err == nil && string(raw) != "null" {
			err = malformed(event.ReasonBadField, "%s is not a time", key)
		}
		return time.Time{}, err
	}
	b, err := s.Bytes()
	if err != nil {
		return time.Time{}, err
	}
	t, ok := p.parse(b)
	if !ok {
		return time.Time{}, malformed(event.ReasonBadField, "%s %s is not an RFC 3339 time", key, excerpt(b))
	}
	return t, nil
}

// parse reads 2006-01-02T15:04:05[.fraction]Z; other zones take the slow way.
func (p *timeParser) parse(b []byte) (time.Time, bool) {
	if len(b) < 20 || b[len(b)-1] != 'Z' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return p.slow(b)
	}
	if p.day != [10]byte(b[:10]) {
		t, err := time.Parse(time.DateOnly, string(b[:10]))
		if err != nil {
			return time.Time{}, false
		}
		p.day, p.start = [10]byte(b[:10]), t.Unix()
	}
	h, m, s := two(b[11:]), two(b[14:]), two(b[17:])
	if h > 23 || m > 59 || s > 59 {
		return p.slow(b)
	}
	nanos, scale := int64(0), int64(1e9)
	if frac := b[19 : len(b)-1]; len(frac) > 0 {
		if frac[0] != '.' || len(frac) < 2 || len(frac) > 10 {
			return p.slow(b)
		}
		for _, c := range frac[1:] {
			if c < '0' || c > '9' {
				return time.Time{}, false
			}
			nanos = nanos*10 + int64(c-'0')
			scale /= 10
		}
		nanos *= scale
	}
	return time.Unix(p.start+int64(h*3600+m*60+s), nanos).UTC(), true
}

func (*timeParser) slow(b []byte) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	return t.UTC(), err == nil
}

// two reads two digits, 99 and more if they are none.
func two(b []byte) int {
	hi, lo := int(b[0]-'0'), int(b[1]-'0')
	if hi < 0 || hi > 9 || lo < 0 || lo > 9 {
		return 1000
	}
	return hi*10 + lo
}
