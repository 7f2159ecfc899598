package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/store"
)

// maxListBytes is GuardDuty's limit of a list's file.
const maxListBytes = 35 << 20

// errSame is that a source looks as it did when it was read.
var errSame = errors.New("the source has not changed")

// source is a list's file while it is read.
type source struct {
	body io.ReadCloser
	size int64  // -1: it is not known
	mark string // how it looks, "" if it does not say
}

// fetched is what was read. With an error only the mark counts: of a source
// that could be reached but holds no list.
type fetched struct {
	mark    string
	note    string // what its owner should know of a list that is good nevertheless
	content *store.ListContent
}

// fetch reads a list from its location and checks it.
func (l *Lists) fetch(ctx context.Context, li *store.List, mark string) (fetched, error) {
	src, err := l.open(ctx, li, mark)
	if err != nil {
		return fetched{}, err
	}
	defer src.body.Close()
	if src.size > maxListBytes {
		return fetched{mark: src.mark}, fmt.Errorf("%s has %d bytes; at most %d (35 MB) are allowed", li.Location, src.size, maxListBytes)
	}
	got, err := l.keep(li, src.body)
	if err != nil {
		if broken := (*readError)(nil); errors.As(err, &broken) { // it may be whole the next time
			src.mark = ""
		}
		return fetched{mark: src.mark}, err
	}
	got.mark = src.mark
	return got, nil
}

// open opens a list's source, or says that it is as it was.
func (l *Lists) open(ctx context.Context, li *store.List, mark string) (source, error) {
	at, err := api.ParseLocation(li.Location)
	switch {
	case err != nil: // an older program may have taken it
		return source{}, fmt.Errorf("location %w", err)
	case at.Path != "":
		return l.openFile(at.Path, mark)
	case at.URL != "":
		if own, ok := l.atEndpoint(at.URL); ok {
			return l.openObject(ctx, li, own, mark)
		}
		return l.openURL(ctx, at.URL, mark)
	}
	return l.openObject(ctx, li, at, mark)
}

// keep checks a list as it comes in, and keeps it compressed: a big one is
// never in memory as a whole.
func (l *Lists) keep(li *store.List, body io.Reader) (fetched, error) {
	sum := sha256.New()
	var data bytes.Buffer
	zip, err := zstd.NewWriter(&data, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fetched{}, err
	}
	defer zip.Close()
	in := io.TeeReader(&bounded{r: body, left: maxListBytes}, io.MultiWriter(sum, zip))
	stats, err := parseList(li.Kind, li.Format, in, nil)
	if err != nil {
		return fetched{}, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what is behind the list's end
		return fetched{}, err
	}
	if err := zip.Close(); err != nil {
		return fetched{}, err
	}
	return fetched{note: noteOf(stats), content: &store.ListContent{
		SHA256: hex.EncodeToString(sum.Sum(nil)), Entries: stats.Entries, ReadAt: l.Now(), Data: data.Bytes(),
	}}, nil
}

// readError is that a source could not be read to its end.
type readError struct{ err error }

func (e *readError) Error() string { return "it could not be read to its end: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// bounded ends with an error where a list is too big, and tells errors of the
// source from those of who reads.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes (35 MB), the most that is allowed", maxListBytes)
	}
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}

// openURL reads a URL that is no object of S3's.
func (l *Lists) openURL(ctx context.Context, url, mark string) (source, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return source{}, err
	}
	r.Header.Set("User-Agent", "vedette")
	if tag, date, ok := webMark(mark); ok {
		setUnlessEmpty(r.Header, "If-None-Match", tag)
		setUnlessEmpty(r.Header, "If-Modified-Since", date)
	}
	resp, err := l.HTTP.Do(r)
	if err != nil {
		return source{}, err
	}
	now := markOf(resp.Header.Get("ETag"), resp.Header.Get("Last-Modified"))
	switch {
	case resp.StatusCode == http.StatusNotModified, resp.StatusCode == http.StatusOK && mark != "" && now == mark:
		err = errSame
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("read %s: the server answers %s%s", url, resp.Status, webRemedy(resp.StatusCode))
	}
	if err != nil {
		resp.Body.Close()
		return source{}, err
	}
	return source{body: resp.Body, size: resp.ContentLength, mark: now}, nil
}

func webRemedy(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "; Vedette sends no credentials: put the list where it may be read without, or into a bucket"
	case http.StatusNotFound, http.StatusGone:
		return "; see that the location is right"
	}
	return ""
}
