package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/vedette-project/vedette/internal/event"
)

// The kinds of what a digest may show to be wrong.
const (
	DigestMissingFile   = "missing_file"      // a log file was delivered and is not there
	DigestChangedFile   = "changed_file"      // a log file is not what was delivered
	DigestBadSignature  = "invalid_signature" // a digest is not as AWS signed it
	DigestBrokenChain   = "broken_chain"      // a digest is not the one that its successor names
	DigestGap           = "gap"               // there is no digest for a time
	DigestMissingDigest = "missing_digest"    // a digest was delivered and is not there
	DigestNoKey         = "no_public_key"     // the signature cannot be checked
)

// DigestKinds are all of them.
func DigestKinds() []string {
	return []string{DigestMissingFile, DigestChangedFile, DigestBadSignature, DigestBrokenChain, DigestGap, DigestMissingDigest, DigestNoKey}
}

// DigestProblem is one thing that is wrong with a trail.
type DigestProblem struct {
	Kind   string `json:"kind"`
	What   string `json:"what"`   // the object it is about
	Detail string `json:"detail"` // in a sentence, with what to do
	At     int64  `json:"at"`     // when it was found, in seconds since the epoch
	// Of a file that is missing: what it must be.
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
	Hash   string `json:"hash,omitempty"`
}

// DigestOptions are what checking digests needs; all fields are required.
type DigestOptions struct {
	Objects *Objects
	Keys    *KeySource
	// Stored returns a cursor, nil if there is none; Store keeps one.
	Stored func(ctx context.Context, name string) ([]byte, error)
	Store  func(ctx context.Context, name string, data []byte) error
	Now    func() time.Time
	Log    *slog.Logger
	// Found is told of each problem once.
	Found func(s event.Scope, p DigestProblem)
	// Checked is told after each digest how far the chain of a trail is complete,
	// and what is wrong with it at present.
	Checked func(ctx context.Context, s event.Scope, chain string, until time.Time, open []DigestProblem) error
}

// Digests checks the digests of CloudTrail against what was read.
type Digests struct {
	DigestOptions
	mu     sync.Mutex
	chains map[string]*sync.Mutex
}

// NewDigests returns a checker of digests.
func NewDigests(o DigestOptions) *Digests {
	return &Digests{DigestOptions: o, chains: map[string]*sync.Mutex{}}
}

// chain is what is known of the digests of one trail, a cursor.
type chain struct {
	End       time.Time       `json:"end,omitzero"` // of the newest digest
	Key       string          `json:"key"`
	Hash      string          `json:"hash"` // of its decompressed content
	Signature string          `json:"signature"`
	Open      []DigestProblem `json:"open,omitempty"`
}

// Bounds of what is kept of a chain.
const (
	maxOpen       = 20
	openFor       = 7 * 24 * time.Hour
	maxBack       = 100      // digests that were missed and are read after all
	maxDigestSize = 64 << 20 // decompressed
)

// Check checks a digest: that AWS signed it, that none is missing before it,
// and that every log file it names was read as it was delivered. Files that
// never came are read now. What is wrong is reported; an error says that the
// check could not be made and is to be tried again.
func (d *Digests) Check(ctx context.Context, at Object) error {
	of := chainOf(at.Bucket, at.Key)
	name := "digest:" + of
	lock := d.lock(name)
	lock.Lock()
	defer lock.Unlock()
	c, err := d.load(ctx, name)
	if err != nil {
		return err
	}
	r := &digestRun{Digests: d, ctx: ctx, chain: c, scope: parseKey(at.Key).scope(d.Objects.Scope)}
	err = r.check(at, 0)
	if err == nil {
		err = r.recheck()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	data, failed := json.Marshal(c) // also after an error: what was found is not to be found again
	if failed == nil {
		failed = d.Store(ctx, name, data)
	}
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return d.Checked(ctx, r.scope, of, c.End, c.Open)
}

func (d *Digests) lock(name string) *sync.Mutex {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.chains[name] == nil {
		d.chains[name] = &sync.Mutex{}
	}
	return d.chains[name]
}

func (d *Digests) load(ctx context.Context, name string) (*chain, error) {
	data, err := d.Stored(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &chain{}
	if data != nil && json.Unmarshal(data, c) != nil {
		d.Log.Warn("what was known of a trail's digests is unreadable; its chain begins anew", "chain", name)
		c = &chain{}
	}
	return c, nil
}

// digestRun is the check of one digest, and of those before it that were missed.
type digestRun struct {
	*Digests
	ctx   context.Context
	chain *chain
	scope event.Scope
}

// problem notes something wrong, unless it is known already.
func (r *digestRun) problem(p DigestProblem) {
	for i := range r.chain.Open {
		if o := &r.chain.Open[i]; o.Kind == p.Kind && o.What == p.What {
			return
		}
	}
	p.At = r.Now().Unix()
	r.chain.Open = append(r.chain.Open, p)
	if len(r.chain.Open) > maxOpen {
		r.chain.Open = r.chain.Open[1:]
	}
	r.Log.Error("the logs of a trail are not complete", "kind", p.Kind, "account", r.scope.Account, "region", r.scope.Region, "what", p.What, "detail", p.Detail)
	r.Found(r.scope, p)
}

// check checks one digest; back counts how many were gone back from the one
// that came.
func (r *digestRun) check(at Object, back int) error {
	content, meta, err := r.fetch(at)
	var bad *damaged
	switch {
	case isMissing(err) && back > 0:
		r.problem(DigestProblem{Kind: DigestMissingDigest, What: at.String(),
			Detail: "the digest is named by the one after it and is not there; what it lists cannot be checked. Find out who deleted it"})
		return nil
	case errors.As(err, &bad):
		r.problem(DigestProblem{Kind: DigestBadSignature, What: at.String(), Detail: bad.Error()})
		return nil
	case err != nil:
		return err
	}
	dg, err := parseDigest(content)
	if err != nil {
		r.problem(DigestProblem{Kind: DigestBadSignature, What: at.String(), Detail: err.Error()})
		return nil
	}
	if good, err := r.authentic(at, dg, content, meta); err != nil || !good {
		return err
	}
	if err := r.link(dg, back); err != nil {
		return err
	}
	for i := range dg.Files {
		if err := r.file(&dg.Files[i]); err != nil {
			return err
		}
	}
	if dg.End.After(r.chain.End) {
		sum := sha256.Sum256(content)
		r.chain.End, r.chain.Key, r.chain.Hash, r.chain.Signature = dg.End, dg.Key, hex.EncodeToString(sum[:]), meta["signature"]
	}
	return nil
}

// authentic checks who wrote a digest, and that it lies where it was put.
func (r *digestRun) authentic(at Object, dg *digest, content []byte, meta map[string]string) (bool, error) {
	bad := func(detail string) (bool, error) {
		r.problem(DigestProblem{Kind: DigestBadSignature, What: at.String(), Detail: detail})
		return false, nil
	}
	if dg.Bucket != at.Bucket || dg.Key != at.Key {
		return bad("it is a digest of s3://" + dg.Bucket + "/" + dg.Key + ", moved or copied here")
	}
	when := dg.End
	if t, err := time.Parse(time.RFC3339, meta["backfill-generation-timestamp"]); err == nil && isBackfill(at.Key) {
		when = t
	}
	key, err := r.Keys.find(r.ctx, parseKey(at.Key).scope(r.scope).Region, dg.Fingerprint, when)
	if err != nil || key == nil {
		detail := "there is no public key with the fingerprint " + dg.Fingerprint + "; allow cloudtrail:ListPublicKeys to Vedette's role, or set publicKeysFile to what `aws cloudtrail list-public-keys` prints for the Region and time"
		if err != nil {
			detail = err.Error()
		}
		// Anybody could have written it; it is not taken for a proof of anything.
		r.problem(DigestProblem{Kind: DigestNoKey, What: at.String(), Detail: detail})
		return false, nil
	}
	if err := dg.verify(content, meta["signature"], meta["signature-algorithm"], key.Key); err != nil {
		return bad(err.Error())
	}
	r.settle(DigestNoKey) // keys are found again
	return true, nil
}

// settle takes the problems of a kind from the list of open ones.
func (r *digestRun) settle(kind string) {
	open := r.chain.Open[:0]
	for _, p := range r.chain.Open {
		if p.Kind != kind {
			open = append(open, p)
		}
	}
	r.chain.Open = open
}

// link checks that no digest is missing before this one. One that was missed
// is checked first.
func (r *digestRun) link(dg *digest, back int) error {
	c := r.chain
	p := &dg.Previous
	switch {
	case c.Key == "" || !dg.End.After(c.End): // the first one that is known, or an old one
		return nil
	case p.Key == "":
		if dg.Start.After(c.End) && !isBackfill(dg.Key) { // those come when there is something to add
			r.problem(DigestProblem{Kind: DigestGap, What: span(c.End, dg.Start),
				Detail: "the chain of digests begins anew: logging, or the validation of log files, was off. What happened then is not known; see who switched it off"})
		}
		return nil
	case p.Key == c.Key:
		if p.Hash != c.Hash || p.Signature != c.Signature {
			r.problem(DigestProblem{Kind: DigestBrokenChain, What: "s3://" + p.Bucket + "/" + p.Key,
				Detail: "the digest was read with another content or signature than its successor names: one of them was replaced"})
		}
		return nil
	case back >= maxBack:
		r.problem(DigestProblem{Kind: DigestGap, What: span(c.End, dg.Start), Detail: fmt.Sprintf("more than %d digests were missed; list the bucket from then on to check them", maxBack)})
		return nil
	}
	if err := r.check(Object{Bucket: p.Bucket, Key: p.Key}, back+1); err != nil {
		return err
	}
	switch {
	case c.Key == p.Key && (p.Hash != c.Hash || p.Signature != c.Signature):
		r.problem(DigestProblem{Kind: DigestBrokenChain, What: "s3://" + p.Bucket + "/" + p.Key,
			Detail: "the digest has another content or signature than its successor names: one of them was replaced"})
	case c.Key != p.Key && dg.Start.After(c.End): // it could not be had
		r.problem(DigestProblem{Kind: DigestGap, What: span(c.End, dg.Start), Detail: "there is no digest that can be trusted for this time; what was delivered then cannot be checked"})
	}
	return nil
}

func span(from, to time.Time) string {
	return from.UTC().Format(time.RFC3339) + " to " + to.UTC().Format(time.RFC3339)
}

// file checks that a log file was read as it was delivered; one that was not
// read is read now.
func (r *digestRun) file(f *digestFile) error {
	if !r.Objects.Wants(f.Key) {
		return nil
	}
	at := Object{Bucket: f.Bucket, Key: f.Key}
	m, err := r.Objects.Marks.Get(r.ctx, MarkName(f.Bucket, f.Key))
	if err != nil {
		return err
	}
	if !m.Done {
		m, err = r.Objects.Read(r.ctx, at)
		var bad *damaged
		switch {
		case isMissing(err):
			r.problem(DigestProblem{Kind: DigestMissingFile, What: at.String(), Bucket: f.Bucket, Key: f.Key, Hash: f.Hash,
				Detail: "CloudTrail delivered the log file and it is not there; its records were not seen. Find out who deleted it, and restore it under its key"})
			return nil
		case errors.As(err, &bad):
			r.changed(at, "it is damaged: "+bad.Error())
			return nil
		case err != nil:
			return err
		}
		r.Log.Info("a log file that nothing announced was found by its digest, and read", "object", at.String())
	}
	if m.Sum != f.Hash {
		r.changed(at, fmt.Sprintf("its SHA-256 is %s, and CloudTrail delivered %s", m.Sum, f.Hash))
	}
	return nil
}

func (r *digestRun) changed(at Object, why string) {
	r.problem(DigestProblem{Kind: DigestChangedFile, What: at.String(),
		Detail: "the log file is not what CloudTrail delivered: " + why + ". Its records were judged as they are; find out who changed it"})
}

// recheck looks for files that were missing, and forgets what is old.
func (r *digestRun) recheck() error {
	open := r.chain.Open
	r.chain.Open = nil
	limit := r.Now().Add(-openFor).Unix()
	for i, p := range open {
		if p.At < limit {
			continue
		}
		if p.Kind == DigestMissingFile {
			m, err := r.Objects.Read(r.ctx, Object{Bucket: p.Bucket, Key: p.Key})
			switch {
			case err == nil && m.Sum == p.Hash:
				r.Log.Info("a log file that was missing has come, and was read", "object", p.What)
				continue
			case err == nil:
				r.changed(Object{Bucket: p.Bucket, Key: p.Key}, fmt.Sprintf("its SHA-256 is %s, and CloudTrail delivered %s", m.Sum, p.Hash))
				continue
			case r.ctx.Err() != nil:
				r.chain.Open = append(r.chain.Open, open[i:]...)
				return r.ctx.Err()
			}
		}
		r.chain.Open = append(r.chain.Open, p)
	}
	return nil
}

// fetch reads a digest and its metadata.
func (r *digestRun) fetch(at Object) ([]byte, map[string]string, error) {
	b, err := openBody(r.ctx, r.Objects.Client, r.Objects.Sleep, Object{Bucket: at.Bucket, Key: at.Key, Version: at.Version})
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	var in io.Reader = b
	zr, err := gzip.NewReader(b)
	if err == nil {
		defer zr.Close()
		in = zr
	}
	var content []byte
	if err == nil {
		content, err = io.ReadAll(io.LimitReader(in, maxDigestSize+1))
	}
	if b.failed != nil {
		return nil, nil, b.failed
	}
	if err != nil || len(content) > maxDigestSize {
		return nil, nil, &damaged{fmt.Sprintf("read %s: a digest is gzip of at most %d bytes (%v)", at, maxDigestSize, err), err}
	}
	return content, b.meta, nil
}
