package intel

import "errors"

// arena keeps texts of at most 255 bytes in few large strings, which cost the
// garbage collector nothing. A text is known by where it is.
type arena struct {
	chunks []string
	open   []byte
}

const (
	chunkBits = 20
	maxText   = 255
	maxArena  = 1 << 32
)

// add keeps a text, of which its user knows the length.
func (a *arena) add(s string) (at uint32, err error) {
	if at, err = a.room(len(s)); err != nil {
		return 0, err
	}
	a.open = append(a.open, s...)
	return at, nil
}

func (a *arena) room(n int) (uint32, error) {
	if len(a.open)+n > 1<<chunkBits {
		a.seal()
	}
	at := len(a.chunks)<<chunkBits + len(a.open)
	if at+n > maxArena {
		return 0, errors.New("the lists of one part have more than 4 GiB of text")
	}
	return uint32(at), nil
}

// seal ends what is being written. Texts can be read from then on.
func (a *arena) seal() {
	if len(a.open) > 0 {
		a.chunks = append(a.chunks, string(a.open))
		a.open = a.open[:0]
	}
}

// at is the text of n bytes at a place.
func (a *arena) at(place uint32, n uint8) string {
	off := place & (1<<chunkBits - 1)
	return a.chunks[place>>chunkBits][off : off+uint32(n)]
}
