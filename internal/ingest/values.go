package ingest

import (
	"bytes"
	"errors"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// step is what reading at one position of a structured stream gave.
type step uint8

const (
	moved  step = iota // the position advanced, or the mode changed
	record             // a record ends at the position
	more               // the buffer ends too early
	broken             // this is not JSON: fall back to lines
	ended              // the stream ended
)

// nextValues hands out the records of arrays, lists and multi-line objects.
func (f *Framer) nextValues(c *event.Chunk) bool {
	want, pos := chunkTarget, 0
	for {
		f.fill(want)
		start, end, st := f.step(pos)
		switch st {
		case moved:
			pos = end
		case record:
			c.Records = append(c.Records, event.Span{Start: start, End: end})
			pos = end
		case more:
			if len(f.buf)-start < MaxRecord && f.err == nil {
				if len(c.Records) > 0 { // hand out what there is before growing
					f.take(c, start)
					return true
				}
				want = min(max(len(f.buf)+chunkTarget, 2*(len(f.buf)-start)), start+MaxRecord)
				continue
			}
			f.cut(c, start)
			return true
		case broken:
			f.fallBack()
			if pos = start; len(c.Records) == 0 {
				f.buf = append(f.buf[:0], f.buf[pos:]...)
				return false
			}
			f.take(c, pos)
			return true
		case ended:
			f.take(c, len(f.buf))
			return len(c.Records) > 0
		}
		if pos >= chunkTarget && len(c.Records) > 0 {
			f.take(c, pos)
			return true
		}
		if pos >= chunkTarget { // nothing but space and wrappers so far
			f.buf, pos = append(f.buf[:0], f.buf[pos:]...), 0
		}
	}
}

// nextRecord finds the next record behind one whose end is not found: one that
// starts a line the way the API server starts every record.
const nextRecord = "\n" + `{"kind":"Event","apiVersion":"audit.k8s.io/`

// nextTrail finds the next record of a CloudTrail file, which is a single line.
// maxResumed bounds how often it is looked for: each time costs up to MaxRecord.
const (
	nextTrail  = `{"eventVersion":"1.`
	maxResumed = 64
)

// cut hands out the head of a record that is too long, or whose end is
// missing, and steps over the rest of it. Where records stand on lines, the
// next line that starts one ends it, and from there on only lines are trusted.
func (f *Framer) cut(c *event.Chunk, start int) {
	if i := bytes.Index(f.buf[start:], []byte(nextRecord)); i >= 0 {
		c.Records = append(c.Records, event.Span{Start: start, End: start + i})
		f.take(c, start+i+1)
		f.fallBack()
		return
	}
	if f.mode == list && f.resumed < maxResumed && bytes.HasPrefix(f.buf[start:], []byte(nextTrail)) {
		if i := bytes.Index(f.buf[start+1:], []byte(nextTrail)); i >= 0 {
			f.resumed++
			c.Records = append(c.Records, event.Span{Start: start, End: start + 1 + i})
			f.take(c, start+1+i) // what is behind it is still in the list
			return
		}
	}
	missing := f.err != nil
	c.Records = append(c.Records, event.Span{Start: start, End: len(f.buf)})
	c.Cut = !missing
	var sk skipper
	sk.feed(f.buf[start:])
	f.take(c, len(f.buf))
	for !missing {
		f.fill(chunkTarget)
		look := len(f.buf)
		if f.err == nil {
			look -= len(nextRecord) // it may have been read in part
		}
		n, done := sk.feed(f.buf[:look])
		resumed := bytes.Index(f.buf[:min(n+len(nextRecord), len(f.buf))], []byte(nextRecord))
		if resumed >= 0 && !done {
			n = resumed + 1
			f.fallBack()
		}
		c.Skipped += int64(n)
		f.buf = append(f.buf[:0], f.buf[n:]...)
		if done || resumed >= 0 || f.err != nil && len(f.buf) == 0 {
			return
		}
	}
}

// fallBack gives up on structure: from here on the stream is lines.
func (f *Framer) fallBack() { f.mode, f.inObject, f.torn = lines, false, true }

// step reads one thing at pos: a separator, the opening of a list, a record.
func (f *Framer) step(pos int) (start, end int, st step) {
	s := jsonscan.Scanner{Data: f.buf, Pos: pos}
	for {
		c := s.Space()
		if s.Pos >= len(f.buf) {
			if f.err != nil {
				return s.Pos, s.Pos, ended
			}
			return s.Pos, s.Pos, more
		}
		if c == ',' {
			s.Pos++
			continue
		}
		break
	}
	start = s.Pos
	switch c := f.buf[start]; {
	case f.mode == list && c == ']':
		f.mode = values
		if !f.inObject {
			return start, start + 1, moved
		}
		return f.leaveObject(start)
	case f.mode == values && c == '[':
		f.mode, f.inObject = list, false
		return start, start + 1, moved
	case f.mode == values && c == '{':
		return f.enterObject(start)
	}
	_, err := s.Skip()
	return start, s.Pos, result(err)
}

func result(err error) step {
	switch {
	case err == nil:
		return record
	case errors.Is(err, jsonscan.ErrCut):
		return more
	}
	return broken
}

// enterObject finds out whether the object at start is a record or wraps a
// list of records; in that case it stops inside the list.
func (f *Framer) enterObject(start int) (int, int, step) {
	s := jsonscan.Scanner{Data: f.buf, Pos: start}
	if err := s.Enter('{'); err != nil {
		return start, start, result(err)
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return start, s.Pos, result(err)
		}
		if isListKey(key) && s.Space() == '[' {
			f.mode, f.inObject = list, true
			return start, s.Pos + 1, moved
		}
		if _, err := s.Skip(); err != nil {
			return start, s.Pos, result(err)
		}
	}
}

// isListKey reports whether a member holds records: of an EventList, of what
// aws logs and aws cloudtrail print, of a CloudTrail file, of Azure Monitor, of a
// pull from Pub/Sub.
func isListKey(key []byte) bool {
	switch string(key) {
	case "items", "events", "Events", "Records", "records", "receivedMessages":
		return true
	}
	return false
}

// leaveObject steps over what follows a list in its object. start is the
// position of the closing bracket.
func (f *Framer) leaveObject(start int) (int, int, step) {
	s := jsonscan.Scanner{Data: f.buf, Pos: start + 1}
	for {
		_, ok, err := s.Next(false)
		if err == nil && ok {
			_, err = s.Skip()
		}
		switch {
		case err == nil && ok:
			continue
		case err == nil:
			f.inObject = false
			return start, s.Pos, moved
		case errors.Is(err, jsonscan.ErrCut) && f.err == nil:
			f.mode = list // come back to the bracket with more of the input
			return start, start, more
		case errors.Is(err, jsonscan.ErrCut):
			return start, len(f.buf), moved
		}
		return start, s.Pos, broken
	}
}

// skipper steps over one value that arrives in pieces.
type skipper struct {
	depth            int
	inString, escape bool
}

// feed returns how much of b belongs to the value and whether it ended.
func (k *skipper) feed(b []byte) (int, bool) {
	for i, c := range b {
		switch {
		case k.escape:
			k.escape = false
		case k.inString:
			k.escape = c == '\\'
			k.inString = c != '"'
		case c == '"':
			k.inString = true
		case c == '{' || c == '[':
			k.depth++
		case c == '}' || c == ']':
			if k.depth--; k.depth <= 0 {
				return i + 1, true
			}
		}
	}
	return len(b), false
}
