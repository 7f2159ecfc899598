package history

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A block is the contacts of an hour, sorted. Behind a head stand two
// compressed parts: the things, all that a search needs to read where it finds
// nothing, and who met them, column by column.
const (
	blockVersion = 1
	maxPart      = 64 << 20 // bytes of a part, decompressed
)

// Encode makes a block of what is known, of at most limit contacts.
func (h *Hour) Encode(limit int) []byte {
	list := h.sorted(limit)
	things, counts := indexPart(list)
	b := []byte{blockVersion}
	for _, n := range []uint64{uint64(len(counts)), uint64(len(list)), uint64(h.Forgotten)} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendPart(b, things)
	return appendPart(b, detailPart(list, counts))
}

// indexPart are the things, each without what it has in common with the one
// before; counts are how many contacts each has.
func indexPart(list []Contact) (part []byte, counts []int) {
	var shared, lengths, text []byte
	last := ""
	for i := range list {
		t := list[i].Thing
		if i > 0 && t == last {
			counts[len(counts)-1]++
			continue
		}
		n := 0
		for n < len(t) && n < len(last) && t[n] == last[n] {
			n++
		}
		shared = binary.AppendUvarint(shared, uint64(n))
		lengths = binary.AppendUvarint(lengths, uint64(len(t)-n))
		text = append(text, t[n:]...)
		counts, last = append(counts, 1), t
	}
	return slices.Concat(shared, lengths, text), counts
}

// detailPart are the texts of who and how, and the columns of the contacts.
func detailPart(list []Contact, counts []int) []byte {
	whos, hows := map[string]uint64{}, map[string]uint64{}
	for i := range list {
		whos[list[i].Who], hows[list[i].How] = 0, 0
	}
	b := appendTexts(appendTexts(nil, whos), hows)
	for _, n := range counts {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, column := range []func(*Contact) uint64{
		func(c *Contact) uint64 { return whos[c.Who] },
		func(c *Contact) uint64 { return hows[c.How] },
		func(c *Contact) uint64 { return uint64(c.First) },
		func(c *Contact) uint64 { return uint64(c.Last - c.First) },
		func(c *Contact) uint64 { return uint64(c.Count) },
		func(c *Contact) uint64 { return uint64(c.Bytes) },
	} {
		for i := range list {
			b = binary.AppendUvarint(b, column(&list[i]))
		}
	}
	return b
}

// appendTexts appends texts in order, and notes their numbers.
func appendTexts(b []byte, texts map[string]uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for n, t := range slices.Sorted(maps.Keys(texts)) {
		texts[t] = uint64(n)
		b = appendText(b, t)
	}
	return b
}

func appendPart(b, part []byte) []byte {
	packed := encoder().EncodeAll(part, nil)
	b = binary.AppendUvarint(b, uint64(len(packed)))
	return append(b, packed...)
}

// The encoder and the decoder keep no state between blocks.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
	if err != nil { // the options are constants
		panic(err)
	}
	return e
})

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPart))
	if err != nil {
		panic(err)
	}
	return d
})

// block is a block with its parts still compressed.
type block struct {
	things, contacts int
	forgotten        int64
	index, details   []byte
}

func open(data []byte) (b block, ok bool) {
	r := reader{b: data}
	if r.byte() != blockVersion {
		return b, false
	}
	things, contacts := r.uint(), r.uint()
	b.forgotten = r.number()
	b.index = r.bytes(r.count())
	b.details = r.bytes(r.count())
	if r.bad || len(r.b) > 0 || things > contacts || things == 0 && contacts > 0 || contacts > maxPart {
		return b, false
	}
	b.things, b.contacts = int(things), int(contacts)
	return b, true
}
