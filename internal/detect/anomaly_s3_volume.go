package detect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// When more is taken from buckets, or deleted in them, than ever before.
const (
	volumeFactor     = 10 // times the largest day
	volumeBytes      = 100 << 20
	volumeObjects    = 1_000
	volumeSince      = 7 // days since the first
	volumeDays       = 3 // that must be known
	s3BurstWindow    = 10 * time.Minute
	s3BurstObjects   = 1_000 // in it, by or from who never
	s3BurstUsual     = 100   // had as many
	maxObjectVolumes = 50_000
	volumeIdle       = 60 * 24 * time.Hour
	maxVolumeDay     = 1 << 50 // bounds what records may say
	volumeEachCall   = 1 << 43 // 8 TiB: S3 has no larger objects
)

// objectVolume is what one identity, one bucket, or one in the other moved.
type objectVolume struct {
	Day            int64 // the number of the day at hand
	Objects, Bytes int64 // of it
	First          int64 // the number of the first day
	Told           int64 // the day that was told of, which is not learned
	Window         int64 // the number of the ten minutes at hand
	Burst          distinct
	Largest        int64 // objects of ten minutes, of those before
	ByObjects      histogram
	ByBytes        histogram
}

// moved are objects of one call.
type moved struct {
	at    time.Time
	key   uint32 // hash of the object
	bytes int64
}

// roll begins a new day and a new window.
func (m *objectVolume) roll(at time.Time) (current bool) {
	today, window := bucketOf(at, day), bucketOf(at, s3BurstWindow)
	if today < m.Day {
		return false // late, of a day that is closed
	}
	if window > m.Window {
		if m.Told != m.Day {
			m.Largest = max(m.Largest, m.Burst.count())
		}
		m.Window, m.Burst = window, distinct{}
	}
	if today > m.Day {
		if m.Day != 0 && m.Told != m.Day {
			m.ByObjects.add(m.Day, m.Objects)
			m.ByBytes.add(m.Day, m.Bytes)
		}
		m.ByObjects.add(today, 0)
		m.ByBytes.add(today, 0)
		if m.Day, m.Objects, m.Bytes = today, 0, 0; m.First == 0 {
			m.First = today
		}
	}
	return true
}

// excess says in words what of a row is more than usual by far.
type excess struct{ why string }

// add counts a call, and says if that makes the day or the ten minutes stand
// out. A day is told of once.
func (m *objectVolume) add(o moved, who string) (x excess, due bool) {
	if !m.roll(o.at) {
		return excess{}, false
	}
	m.Objects++
	m.Bytes = min(m.Bytes+o.bytes, maxVolumeDay)
	if bucketOf(o.at, s3BurstWindow) == m.Window {
		m.Burst.add(o.key, 0)
	}
	if m.Told == m.Day {
		return excess{}, false
	}
	objects, size := m.ByObjects.tail(m.Objects), m.ByBytes.tail(m.Bytes)
	if objects.days < volumeDays || m.Day-m.First < volumeSince {
		return excess{}, false
	}
	burst := m.Burst.count()
	switch {
	case m.Bytes >= volumeBytes && m.Bytes >= volumeFactor*size.largest:
		x.why = fmt.Sprintf("%s moved %s in a day; the largest of %d days before was %s", who, sizeText(m.Bytes), size.days, sizeText(size.largest))
	case m.Objects >= volumeObjects && m.Objects >= volumeFactor*objects.largest:
		x.why = fmt.Sprintf("%s: %d calls on objects in a day; the most of %d days before was %d", who, m.Objects, objects.days, objects.largest)
	case burst >= s3BurstObjects && m.Largest < s3BurstUsual:
		x.why = fmt.Sprintf("%s: %d different objects in %d minutes; the most before, in %d days, was %d", who, burst, s3BurstWindow/time.Minute, objects.days, m.Largest)
	default:
		return excess{}, false
	}
	m.Told = m.Day
	return x, true
}

// bucketVolume counts what a call moved, by identity, by bucket, and by both.
func (c *apiCall) bucketVolume(typ, bucket string) {
	deletes := strings.HasSuffix(typ, ".Delete")
	if !c.t.Succeeded() || !deletes && !strings.HasPrefix(typ, "Exfiltration") {
		return
	}
	o := moved{at: c.ev.Time, key: uint32(mixSeed.string(bucket).byte(0).string(c.req().Text("key")).sum())}
	who, kind := c.behaver(), "read\x00"
	if deletes {
		kind = "delete\x00"
	} else {
		o.bytes = sentBytes(c.t.Additional)
	}
	rows := [...]struct{ key, text string }{
		{kind + "both\x00" + who + "\x00" + bucket, c.who() + " in bucket " + shown(bucket)},
		{kind + "identity\x00" + who, c.who()},
		{kind + "bucket\x00" + bucket, "all callers in bucket " + shown(bucket)},
	}
	why := ""
	for _, r := range rows {
		m := c.account.habits.volumes.touch(r.key, c.ev.Time)
		if x, due := m.add(o, r.text); due && why == "" {
			why = x.why
		}
	}
	if why != "" {
		c.excessive(typ, why)
	}
}

// excessive claims that a caller moved more than it ever did.
func (c *apiCall) excessive(typ, why string) {
	s := c.claimBuckets(typ)
	s.Occurrence = fmt.Sprintf("volume of %s of day %d", s.Key, bucketOf(c.ev.Time, day)) // once, whatever stands out
	what := "read"
	if strings.HasSuffix(typ, ".Delete") {
		what = "deleted"
	}
	s.Title = "User " + c.userTitle() + " " + what + " an anomalous amount of data in S3."
	s.Description = fmt.Sprintf("%s %s far more in bucket %s than is usual, most recently with %s%s.", c.who(), what, shown(c.bucket()), shown(c.t.Name), c.from())
	s.Why = why
	key := s.Type + "\x00" + s.Key
	m := c.account.habits.unusual.value(key)
	m.add(c)
	*c.account.habits.unusual.touch(key, c.ev.Time) = m
	s.Detection = &finding.Detection{Anomaly: &finding.Anomaly{Unusual: &finding.AnomalyUnusual{Behavior: map[string]map[string]finding.AnomalyObject{
		"userIdentity": {"volume": {ProfileType: "VOLUME", ProfileSubtype: "COUNT", Observations: &finding.Observations{Text: []string{why}}}},
	}}}}
	s.Info = map[string]any{"anomalies": map[string]any{"anomalousAPIs": m.text()}}
	c.moreBuckets(s)
	c.raise(s)
}

// sentBytes is bytesTransferredOut of a call's additional data.
func sentBytes(additional []byte) (n int64) {
	_, rest, ok := bytes.Cut(additional, []byte(`"bytesTransferredOut"`))
	if !ok {
		return 0
	}
	rest = bytes.TrimLeft(rest, " \t\r\n:")
	for _, ch := range rest {
		if ch < '0' || ch > '9' || n >= volumeEachCall {
			break
		}
		n = n*10 + int64(ch-'0')
	}
	return n
}

func sizeText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

func (m objectVolume) MarshalBinary() ([]byte, error) {
	b := m.Burst.append(appendInts(nil, m.Day, m.Objects, m.Bytes, m.First, m.Told, m.Window, m.Largest))
	for _, h := range [...]*histogram{&m.ByObjects, &m.ByBytes} {
		one, err := h.MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(one))), one...)
	}
	return b, nil
}

func (m *objectVolume) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	*m = objectVolume{}
	for _, v := range [...]*int64{&m.Day, &m.Objects, &m.Bytes, &m.First, &m.Told, &m.Window, &m.Largest} {
		*v = s.int()
	}
	m.Burst = s.distinct()
	for _, h := range [...]*histogram{&m.ByObjects, &m.ByBytes} {
		if err := h.UnmarshalBinary(s.bytes(s.count(len(s.b)))); err != nil {
			return err
		}
	}
	return s.err()
}
