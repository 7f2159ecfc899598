package kernel

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// ring reads the kernel's ring buffer in place. It differs from the reader of
// the eBPF library in when it wakes: not as soon as there is one record but
// when the kernel says that many wait, or after a while. The library's reader
// would be woken, or find something to do, for nearly every record.
type ring struct {
	consumer []byte // one page: our position
	producer []byte // one page, the kernel's position, then the data twice
	data     []byte
	mask     uint64
	pos      uint64 // of the next record
	epoll    int
}

const (
	ringBusy    = 1 << 31 // the record is being written
	ringDiscard = 1 << 30
	ringHead    = 8
)

func newRing(fd, size int) (*ring, error) {
	page := os.Getpagesize()
	consumer, err := syscall.Mmap(fd, 0, page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ring buffer's consumer page: %w", err)
	}
	producer, err := syscall.Mmap(fd, int64(page), page+2*size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map the ring buffer: %w", err), syscall.Munmap(consumer))
	}
	r := &ring{consumer: consumer, producer: producer, data: producer[page:], mask: uint64(size - 1), epoll: -1}
	r.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		// Edge-triggered: only the kernel's wake-ups count, not that there is data.
		const edge = 1 << 31
		err = syscall.EpollCtl(r.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN | edge})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch the ring buffer: %w", err), r.close())
	}
	return r, nil
}

func word(b []byte) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(b))) }

// next gives the next record, or nil. It is valid until done.
func (r *ring) next() []byte {
	for r.pos < atomic.LoadUint64(word(r.producer)) {
		at := r.pos & r.mask
		head := atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.data[at])))
		if head&ringBusy != 0 {
			return nil // another CPU is writing it; it will be there at the next look
		}
		size := uint64(head &^ (ringBusy | ringDiscard))
		sample := r.data[at+ringHead : at+ringHead+size : at+ringHead+size]
		r.pos += (size + ringHead + 7) &^ 7
		if head&ringDiscard == 0 {
			return sample
		}
		r.done()
	}
	return nil
}

// done gives back the space of all that next gave.
func (r *ring) done() { atomic.StoreUint64(word(r.consumer), r.pos) }

// wait sleeps until many records wait or the time is over.
func (r *ring) wait(d time.Duration) error {
	var ev [1]syscall.EpollEvent
	_, err := syscall.EpollWait(r.epoll, ev[:], int(d.Milliseconds()))
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("wait for the ring buffer: %w", err)
	}
	return nil
}

func (r *ring) close() error {
	err := errors.Join(syscall.Munmap(r.consumer), syscall.Munmap(r.producer))
	if r.epoll >= 0 {
		err = errors.Join(err, syscall.Close(r.epoll))
	}
	return err
}
