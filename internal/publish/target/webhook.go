package target

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// Webhook sends each event by HTTP POST to a URL.
type Webhook struct {
	Web
	Form
	URL    string
	Header http.Header
	// Key, if set, signs each request.
	Key []byte
}

// The headers of a request. The signature is the HMAC-SHA256 of the timestamp,
// a dot and the body, in hex.
const (
	headerID        = "Vedette-Event-Id"
	headerTimestamp = "Vedette-Timestamp"
	headerSignature = "Vedette-Signature"
)

// Send posts events one by one.
func (t *Webhook) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		if t.skips(e) {
			return nil
		}
		body, err := t.text(e)
		if err != nil {
			return err
		}
		h := t.Header.Clone()
		if h == nil {
			h = http.Header{}
		}
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", t.ContentType())
		}
		if t.Format == FormatBinary {
			binaryHeaders(h, e)
		}
		h.Set(headerID, e.ID)
		if len(t.Key) > 0 {
			at := strconv.FormatInt(t.Now().Unix(), 10)
			h.Set(headerTimestamp, at)
			h.Set(headerSignature, "v1="+Sign(t.Key, at, body))
		}
		_, err = t.post(ctx, t.URL, h, body)
		return err
	})
}

// Sign is the signature of a body that was sent at a moment.
func Sign(key []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// binaryHeaders are the attributes of CloudEvents in binary mode.
func binaryHeaders(h http.Header, e *publish.Event) {
	c := cloudEventOf(e)
	h.Set("Content-Type", c.ContentType)
	for name, value := range map[string]string{
		"ce-specversion": c.SpecVersion, "ce-id": c.ID, "ce-source": c.Source, "ce-type": c.Type, "ce-subject": c.Subject, "ce-time": c.Time,
	} {
		h.Set(name, percent(value))
	}
}

// percent encodes what a header of CloudEvents may not have.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// one sends events one after another, and stops at the first that is to be
// tried again.
func one(events []publish.Event, send func(*publish.Event) error) error {
	each := make(publish.Each, len(events))
	bad := false
	for i := range events {
		each[i] = send(&events[i])
		if each[i] == nil {
			continue
		}
		bad = true
		if refused(each[i]) {
			continue
		}
		for k := i + 1; k < len(events); k++ {
			each[k] = each[i]
		}
		break
	}
	switch {
	case !bad:
		return nil
	case len(each) == 1:
		return each[0]
	}
	return each
}
