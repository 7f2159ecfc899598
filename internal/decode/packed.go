package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// maxInflated bounds what a compressed message inside a record may grow to.
const maxInflated = 64 << 20

// maxChunkInflated bounds what all of those in one chunk may grow to.
const maxChunkInflated = 4 * maxInflated

// eventBridge decodes the record inside an event of an event bus, which names
// the account and the Region besides.
func (d *Decoder) eventBridge(w *odd, at time.Time) error {
	if kind := unquote(w.detailType); strings.HasPrefix(kind, "Object ") {
		return dropped(event.ReasonNotifications, "a message about an object, not a record")
	}
	if w.detail[0] != '{' {
		return malformed(event.ReasonBadField, "detail is not an object")
	}
	scope := d.scope
	defer func() { d.scope = scope }()
	d.scope = d.awsScope(unquote(w.account), unquote(w.region))
	d.scope.Cluster = scope.Cluster
	_, err := d.value(w.detail, false, at)
	return err
}

// lambda decodes {"awslogs":{"data":"base64 of gzip"}}.
func (d *Decoder) lambda(awslogs []byte, at time.Time) error {
	n, err := jsonscan.Parse(awslogs)
	if err != nil {
		return malformed(event.ReasonBadField, "awslogs is not an object")
	}
	zipped, err := base64.StdEncoding.DecodeString(n.Text("data"))
	if err != nil {
		return malformed(event.ReasonBadField, "awslogs.data is not base64")
	}
	plain, err := d.inflate(zipped)
	if err != nil {
		return malformed(event.ReasonBadField, "awslogs.data is not gzip: %v", err)
	}
	if len(plain) == 0 || plain[0] != '{' {
		return malformed(event.ReasonBadField, "awslogs.data does not hold a subscription message")
	}
	d.values(plain, false, at)
	return nil
}

// packed decodes the data of a Firehose or Kinesis record: base64 of records,
// or of a compressed subscription message.
func (d *Decoder) packed(data string, at time.Time) error {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return malformed(event.ReasonBadField, "data is not base64")
	}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		if b, err = d.inflate(b); err != nil {
			return malformed(event.ReasonBadField, "data is damaged gzip: %v", err)
		}
	}
	scope := d.scope
	defer func() { d.scope = scope }()
	if first, _, found := bytes.Cut(b, []byte("\n")); found && overLines(first) {
		d.record(b, false)
		return nil
	}
	for line := range bytes.Lines(b) {
		d.scope = scope
		d.record(line, false)
	}
	return nil
}

// overLines reports whether a first line begins a value that goes on in the
// lines behind it.
func overLines(first []byte) bool {
	first = bytes.TrimSpace(first)
	if len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return false
	}
	_, err := (&jsonscan.Scanner{Data: first}).Skip()
	return err != nil
}

var errBomb = errors.New("the chunk grows too much when it is decompressed")

// inflate decompresses what a record carries. What is longer than maxInflated
// is cut there: the records in it are then broken, and say so.
func (d *Decoder) inflate(b []byte) ([]byte, error) {
	if d.inflated >= maxChunkInflated {
		return nil, errBomb
	}
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(zr, maxInflated))
	d.inflated += len(plain)
	return plain, err
}
