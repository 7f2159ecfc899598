package main

import (
	"fmt"
	"io"
	"time"
)

// progress is one line on a terminal that tells how far a scan is. It writes
// nothing where standard error is no terminal.
type progress struct {
	w     io.Writer
	start time.Time
	last  time.Time
}

func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		return &progress{}
	}
	return &progress{w: w, start: time.Now(), last: time.Now()}
}

func (p *progress) update(bytes, records int64) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last = time.Now()
	mb := float64(bytes) / 1e6
	fmt.Fprintf(p.w, "\r\x1b[K%d records, %.0f MB, %.0f MB/s", records, mb, mb/time.Since(p.start).Seconds())
}

func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
