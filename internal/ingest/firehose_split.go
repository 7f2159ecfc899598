package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/vedette-project/vedette/internal/event"
)

// inflateFactor is how much larger than the largest body the records of one
// delivery may be when they are inflated: CloudWatch compresses each of them.
const inflateFactor = 4

// parseDelivery reads the body of a request.
func parseDelivery(body []byte) (*delivery, error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("the body is not a delivery of Firehose: %w", whichRecord(body, err))
	}
	if d.RequestID == "" {
		return nil, errors.New("the body is not a delivery of Firehose: requestId is missing")
	}
	return &d, nil
}

// whichRecord finds the record that an error of reading a body is about.
func whichRecord(body []byte, err error) error {
	var raw struct {
		Records []json.RawMessage `json:"records"`
	}
	if json.Unmarshal(body, &raw) != nil {
		return err
	}
	for i, r := range raw.Records {
		var one deliveryRecord
		if bad := json.Unmarshal(r, &one); bad != nil {
			return fmt.Errorf("record %d: data is not base64: %w", i+1, bad)
		}
	}
	return err
}

// splitter puts the records of a delivery into one buffer, each record of a
// log in a span of its own.
type splitter struct {
	limit   int64 // of bytes in all, inflated
	total   int64
	data    []byte
	records []event.Span
}

// cut hands out what was added, in pieces of about the size of a chunk.
func (s *splitter) cut(take func(data []byte, records []event.Span) error) error {
	data, records := s.data, s.records
	s.data, s.records = nil, nil
	for len(records) > 0 {
		from, n := records[0].Start, 1
		for n < len(records) && records[n].End-from <= chunkTarget {
			n++
		}
		group := make([]event.Span, n)
		for i, r := range records[:n] {
			group[i] = event.Span{Start: r.Start - from, End: r.End - from}
		}
		to := records[n-1].End
		if err := take(data[from:to:to], group); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// add takes the data of one Firehose record: a piece of a log, perhaps
// compressed, perhaps in base64 once more. What cannot be unpacked stays as it
// is: it is counted as malformed.
func (s *splitter) add(data []byte) error {
	if plain, ok := unBase64(data); ok {
		data = plain
	}
	if isGzip(data) {
		plain, err := s.inflate(data)
		if err != nil {
			return err
		}
		data = plain
	}
	if s.total += int64(len(data)); s.total > s.limit {
		return s.tooLarge()
	}
	start := len(s.data)
	s.data = append(append(s.data, data...), '\n')
	if isDocument("", data) {
		// One document, or several without a break: those are told apart later.
		s.records = append(s.records, event.Span{Start: start, End: len(s.data) - 1})
		return nil
	}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		if len(bytes.TrimSpace(line)) > 0 {
			s.records = append(s.records, event.Span{Start: start, End: start + len(line)})
		}
		start += len(data) - len(rest)
		data = rest
	}
	return nil
}

func (s *splitter) tooLarge() error {
	return fmt.Errorf("the records of a delivery may have %d bytes, decompressed; lower the buffer size of the stream", s.limit)
}

// inflate unpacks gzip. A damaged piece is handed on as it is.
func (s *splitter) inflate(data []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data, nil
	}
	defer zr.Close()
	room := s.limit - s.total
	plain, err := io.ReadAll(io.LimitReader(zr, room+1))
	if int64(len(plain)) > room {
		return nil, s.tooLarge()
	}
	if err != nil && len(plain) == 0 {
		return data, nil
	}
	return plain, nil // what came before the damage is judged
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

// unBase64 unpacks what a producer has encoded itself. Only what then looks
// like a log is taken for it: a flow log line may be of the same letters.
func unBase64(b []byte) ([]byte, bool) {
	b = bytes.TrimSpace(b)
	if len(b) < 8 || len(b)%4 != 0 || bytes.IndexByte(b, ' ') >= 0 || b[0] == '{' || b[0] == '[' || isGzip(b) {
		return nil, false
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Strict().Decode(out, b)
	if err != nil {
		return nil, false
	}
	out = out[:n]
	head := bytes.TrimLeft(out, " \t\r\n")
	return out, isGzip(out) || len(head) > 0 && (head[0] == '{' || head[0] == '[' || head[0] >= '0' && head[0] <= '9' && bytes.IndexByte(head, ' ') > 0)
}
