package ingest

import (
	"bytes"

	"github.com/vedette-project/vedette/internal/event"
)

// maxFormats bounds how often a change of the format ends a chunk; beyond it
// the decoder, which reads headers too, must do alone.
const maxFormats = 64

// oneFormat looks for headers of flow log lines in the first end bytes of buf,
// and returns how many of these bytes have one format: files of several formats
// may have been joined. It sets the chunk's format.
func (f *Framer) oneFormat(c *event.Chunk, end int) int {
	last, blank := f.format, true
	n := end
	for pos := 0; pos < end; {
		line := f.buf[pos:end]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		next := pos + len(line)
		if pos == 0 {
			line = bytes.TrimPrefix(line, []byte(mark))
		}
		if event.IsFlowHeader(line) {
			name := bytes.TrimSpace(line)
			switch {
			case string(name) == last:
			case blank:
				last = string(name)
				f.format = last
			case f.headers < maxFormats:
				f.headers++
				n, next = pos, end // the next chunk begins with it
			default:
				last = string(name)
			}
		}
		blank = blank && len(bytes.TrimSpace(line)) == 0
		pos = next
	}
	if f.format != "" {
		c.Format = f.format
	}
	f.format = last
	return n
}
