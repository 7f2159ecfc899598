package history

// Forgotten is how many records of its hour a block had no room for.
func Forgotten(data []byte) int64 {
	b, _ := open(data)
	return b.forgotten
}

// Walker searches blocks, and uses its memory again for the next one. The zero
// value is ready.
type Walker struct{ part, thing []byte }

// Walk calls fn with the contacts of a block whose thing is wanted, in order of
// their things. The thing that wanted is asked for is good until it returns, and
// so is the contact; its texts are for ever. Where no thing is wanted only the
// things are decompressed.
func (w *Walker) Walk(data []byte, wanted func(thing []byte) bool, fn func(*Contact)) error {
	b, ok := open(data)
	if !ok {
		return errDamaged
	}
	hits, err := w.search(&b, wanted)
	if err != nil || len(hits) == 0 {
		return err
	}
	return w.each(&b, hits, fn)
}

// hit is a thing that is wanted, by its number.
type hit struct {
	n     int
	thing string
}

// unpack decompresses a part.
func (w *Walker) unpack(packed []byte) (err error) {
	if w.part, err = decoder().DecodeAll(packed, w.part[:0]); err != nil {
		return errDamaged
	}
	return nil
}

func (w *Walker) search(b *block, wanted func([]byte) bool) (hits []hit, err error) {
	if err := w.unpack(b.index); err != nil {
		return nil, err
	}
	part := w.part
	if 2*b.things > len(part) {
		return nil, errDamaged
	}
	shared := reader{b: part}
	lengths := reader{b: skip(part, b.things)}
	text := reader{b: skip(lengths.b, b.things)}
	thing := w.thing[:0]
	for n := range b.things {
		k, more := shared.uint(), lengths.uint()
		if k > uint64(len(thing)) || more > uint64(len(text.b)) {
			return nil, errDamaged
		}
		thing = append(thing[:k], text.bytes(int(more))...)
		if wanted(thing) {
			hits = append(hits, hit{n, string(thing)})
		}
	}
	w.thing = thing
	if shared.bad || lengths.bad || len(text.b) > 0 {
		return nil, errDamaged
	}
	return hits, nil
}

// skip steps over numbers.
func skip(b []byte, n int) []byte {
	for i, c := range b {
		if n == 0 {
			return b[i:]
		}
		if c < 0x80 {
			n--
		}
	}
	return nil
}

// The columns of contacts, in their order.
const (
	columnWho = iota
	columnHow
	columnFirst
	columnSpan
	columnCount
	columnBytes
	columns
)

// each calls fn with the contacts of things, by their numbers.
func (w *Walker) each(b *block, hits []hit, fn func(*Contact)) error {
	if err := w.unpack(b.details); err != nil {
		return err
	}
	r := reader{b: w.part}
	whos, hows := r.texts(), r.texts()
	if r.bad || columns*b.contacts+b.things > len(r.b) {
		return errDamaged
	}
	counts := reader{b: r.b}
	var column [columns]reader
	rest := skip(r.b, b.things)
	for i := range column {
		column[i].b = rest
		rest = skip(rest, b.contacts)
	}
	if len(rest) > 0 {
		return errDamaged
	}
	total, passed := 0, 0 // contacts, and those that nobody asked for since the last hit
	for n := range b.things {
		k := counts.uint()
		if k == 0 || k > uint64(b.contacts-total) {
			return errDamaged
		}
		total += int(k)
		if len(hits) == 0 || hits[0].n != n {
			passed += int(k)
			continue
		}
		for i := range column {
			column[i].b = skip(column[i].b, passed)
		}
		passed = 0
		for range k {
			c, ok := contactOf(&column, whos, hows)
			if !ok {
				return errDamaged
			}
			c.Thing = hits[0].thing
			fn(&c)
		}
		hits = hits[1:]
	}
	if total != b.contacts || counts.bad {
		return errDamaged
	}
	return nil
}

// contactOf is the next contact of the columns.
func contactOf(column *[columns]reader, whos, hows [][]byte) (c Contact, ok bool) {
	var v [columns]uint64
	bad := false
	for i := range column {
		v[i] = column[i].uint()
		bad = bad || column[i].bad
	}
	const most = 1<<63 - 1
	if bad || v[columnWho] >= uint64(len(whos)) || v[columnHow] >= uint64(len(hows)) || v[columnFirst] >= Seconds || v[columnSpan] >= Seconds-v[columnFirst] ||
		v[columnCount] == 0 || v[columnCount] > most || v[columnBytes] > most {
		return c, false
	}
	return Contact{
		Who: string(whos[v[columnWho]]), How: string(hows[v[columnHow]]), First: Second(v[columnFirst]), Last: Second(v[columnFirst] + v[columnSpan]),
		Count: int64(v[columnCount]), Bytes: int64(v[columnBytes]),
	}, true
}

// texts reads a list of texts, which alias what is read.
func (r *reader) texts() [][]byte {
	n := r.count()
	out := make([][]byte, 0, n)
	for range n {
		out = append(out, r.bytes(r.count()))
	}
	return out
}
