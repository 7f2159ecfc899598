package proc

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/sensor/lru"
)

// FileID tells a file, as it is, from all others: who changes it changes its
// ctime, which nobody can set back.
type FileID struct {
	Device, Inode uint64
	CTime         int64 // ns
	Size          int64
	// Image is the image that the file is of, for those that have not changed
	// since: each of its containers shows them on a device of its own, so that
	// Device is 0.
	Image string
}

// Known reports whether there is a file.
func (id FileID) Known() bool { return id.Inode != 0 }

// Hasher works out the SHA-256 of executables, each once, and no more bytes a
// second than it may.
type Hasher struct {
	proc     string // where proc is mounted
	patience *Patience
	now      func() time.Time
	rate     int64 // bytes a second
	left     int64
	filled   time.Time
	sums     *lru.Map[FileID, string]
}

const (
	maxSums = 8 << 10
	// burst is how many seconds' worth may be read at once, after idle ones.
	burst = 8
)

// NewHasher reads at most rate bytes a second.
func NewHasher(proc string, rate int64, p *Patience, now func() time.Time) *Hasher {
	return &Hasher{proc: proc, patience: p, now: now, rate: rate, left: rate * burst, filled: now(), sums: lru.New[FileID, string](maxSums)}
}

// Why a file has no sum.
const (
	HashBudget = "sha256_budget" // too many bytes in too short a time
	HashGone   = "sha256_gone"   // the process, or the file, was gone or another
	HashSlow   = "sha256_slow"   // the file system did not answer in time
)

// Sum is the SHA-256 of the program that a process runs, in hexadecimal, or
// why there is none. id is what the kernel said of the file; path is where the
// process saw it. where is asked when it is needed: the process's number in
// /proc, 0 if it has none, and folders below which the file may be, too.
func (h *Hasher) Sum(id FileID, path string, where func() (pid int, roots []Root)) (sum, skipped string) {
	if sum, ok := h.sums.Get(id); ok {
		return sum, ""
	}
	if id.Size > 0 && id.Size > h.room() {
		return "", HashBudget
	}
	pid, roots := where()
	var file *os.File
	opened := make(chan *os.File, 1)
	if !h.patience.Do(func() { opened <- h.open(id, pid, path, roots) }) {
		return "", HashSlow
	}
	if file = <-opened; file == nil {
		return "", HashGone
	}
	size := id.Size
	if now, err := fileID(file); err == nil {
		size = now.Size
	}
	if size > h.room() {
		file.Close()
		return "", HashBudget
	}
	h.left -= size
	done := make(chan string, 1)
	if !h.patience.Do(func() {
		defer file.Close()
		sha := sha256.New()
		if n, err := io.Copy(sha, io.LimitReader(file, size)); err == nil && n == size {
			done <- hex.EncodeToString(sha.Sum(nil))
			return
		}
		done <- ""
	}) {
		return "", HashSlow
	}
	if sum = <-done; sum == "" {
		return "", HashGone
	}
	if id.CTime != 0 { // else the file could change without a sign
		h.sums.Put(id, sum)
	}
	return sum, ""
}

// room is how many bytes may be read now.
func (h *Hasher) room() int64 {
	now := h.now()
	if passed := now.Sub(h.filled); passed > 0 {
		h.left = min(h.rate*burst, h.left+int64(min(passed, time.Hour).Seconds()*float64(h.rate)))
	}
	h.filled = now
	return h.left
}

// open opens the file that id tells of; nil when it is not to be had. The link
// exe leads to the file that is run, whatever its name leads to by now.
func (h *Hasher) open(id FileID, pid int, path string, roots []Root) *os.File {
	if pid != 0 {
		if f, err := os.Open(h.proc + "/" + strconv.Itoa(pid) + "/exe"); err == nil {
			if is(f, id) {
				return f
			}
			f.Close()
		}
	}
	for _, root := range roots {
		f, err := openInside(root, path, true)
		if err != nil {
			continue
		}
		if is(f, id) {
			return f
		}
		f.Close()
	}
	return nil
}

// is reports whether f is the file that the kernel meant. Device numbers are
// left out: a layered file system shows another one than its own to programs.
func is(f *os.File, id FileID) bool {
	got, err := fileID(f)
	return err == nil && got.Inode == id.Inode && (id.CTime == 0 || got.CTime == id.CTime)
}
