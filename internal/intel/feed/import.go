package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// Import takes a document that somebody has fetched for a feed elsewhere, for
// machines that cannot. It goes through all that a fetched one goes through.
func (u *Updater) Import(name string, r io.Reader) error {
	s, err := u.source(name)
	if err != nil {
		return err
	}
	if s.Kind != File {
		return fmt.Errorf("feed %s: it is no single document, but one of the kind %s", name, s.Kind)
	}
	u.locks[name].Lock()
	defer u.locks[name].Unlock()
	st := u.read(s)
	w, err := u.newWriter(s)
	if err != nil {
		return err
	}
	sum := sha256.New()
	stats, err := format.Parse(io.TeeReader(r, sum), s.parseOptions(), w.add)
	if err != nil {
		return errors.Join(fmt.Errorf("feed %s: %w", name, err), w.drop())
	}
	if _, err := io.Copy(sum, r); err != nil { // what a parser did not need
		return errors.Join(err, w.drop())
	}
	w.stats(stats)
	w.snap.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := u.settle(s, st, w); err != nil {
		return fmt.Errorf("feed %s: %w", name, err)
	}
	return u.write(st)
}
