package proc

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Key tells a process from all others that had its number since the boot.
type Key struct {
	PID int
	// Start is in ticks since the boot, as in /proc/PID/stat: the kernel tells
	// nanoseconds, but who finds a process after it has started sees only these.
	// The numbers of processes do not come round within a tick.
	Start uint64
}

// tick is the kernel's USER_HZ, which is 100 wherever the sensor runs.
const tick = 10_000_000

// KeyOf is the key of a process that started so many nanoseconds after the boot.
func KeyOf(pid int, start uint64) Key { return Key{pid, start / tick} }

// UUID stands for the process: the same number for as long as the machine
// runs, whoever works it out.
func (k Key) UUID(bootID string) string {
	b := make([]byte, 0, 64)
	b = append(b, bootID...)
	b = binary.BigEndian.AppendUint64(b, uint64(k.PID))
	b = binary.BigEndian.AppendUint64(b, k.Start)
	sum := sha256.Sum256(b)
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8: made as its maker likes
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:], id[:4])
	for i, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		at := 8 + 5*i
		text[at] = '-'
		hex.Encode(text[at+1:], part)
	}
	return string(text[:])
}
