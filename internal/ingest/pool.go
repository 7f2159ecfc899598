package ingest

// Pool lends the buffers of chunks. It bounds memory by lending the same few
// over and over; a buffer that grew for one giant record is not kept.
type Pool struct{ free chan []byte }

// NewPool keeps at most n buffers.
func NewPool(n int) *Pool { return &Pool{free: make(chan []byte, n)} }

const bufferCap = chunkTarget + readBuffer

func (p *Pool) get() []byte {
	select {
	case b := <-p.free:
		return b[:0]
	default:
		return make([]byte, 0, bufferCap)
	}
}

// Put gives a chunk's Data back. Nothing may alias it any more.
func (p *Pool) Put(b []byte) {
	if cap(b) < bufferCap || cap(b) > 2*bufferCap {
		return
	}
	select {
	case p.free <- b:
	default:
	}
}
