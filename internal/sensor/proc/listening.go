package proc

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// listening yields the ports and the inode numbers of the listening sockets in
// the text of /proc/net/tcp. Its columns: number, local and remote address,
// state, …, and the tenth is the inode.
func listening(b []byte) iter.Seq2[uint16, string] {
	return func(yield func(uint16, string) bool) {
		for line := range bytes.Lines(b) {
			f := strings.Fields(string(line))
			if len(f) < 10 || f[3] != "0A" || f[9] == "0" {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			port, err := strconv.ParseUint(hex, 16, 16)
			if err == nil && !yield(uint16(port), f[9]) {
				return
			}
		}
	}
}
