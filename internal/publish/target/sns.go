package target

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// SNS publishes each event to a topic.
type SNS struct {
	AWS
	Form
	Topic string // ARN
}

const (
	maxSNSBytes   = 256 << 10
	maxSNSSubject = 99 // characters of ASCII
)

// Send publishes events one by one.
func (t *SNS) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		if t.skips(e) {
			return nil
		}
		body, err := t.text(e)
		if err != nil {
			return err
		}
		if len(body) > maxSNSBytes {
			return &publish.RefusedError{Reason: "it has " + strconv.Itoa(len(body)) + " bytes, and SNS takes " + strconv.Itoa(maxSNSBytes)}
		}
		form := url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {t.Topic}, "Message": {string(body)}, "Subject": {snsSubject(e)}}
		attributes := []fact{{"eventType", e.DetailType}}
		if f := e.Finding(); f != nil { // for filter policies of subscriptions
			attributes = append(attributes, fact{"type", f.Type}, fact{"severity", strconv.FormatFloat(f.Severity, 'g', -1, 64)})
		}
		for i, x := range attributes {
			at, kind := "MessageAttributes.entry."+strconv.Itoa(i+1), "String"
			if x.Name == "severity" {
				kind = "Number"
			}
			form.Set(at+".Name", x.Name)
			form.Set(at+".Value.DataType", kind)
			form.Set(at+".Value.StringValue", x.Value)
		}
		if strings.HasSuffix(t.Topic, ".fifo") {
			form.Set("MessageGroupId", fifoGroup(e))
			form.Set("MessageDeduplicationId", e.ID)
		}
		_, err = t.call(ctx, "/", http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, []byte(form.Encode()))
		return err
	})
}

// snsSubject is a line of printable ASCII that begins with a letter.
func snsSubject(e *publish.Event) string {
	m := read(e)
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, "Vedette "+m.lead())
	return s[:min(len(s), maxSNSSubject)]
}
