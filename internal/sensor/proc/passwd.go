package proc

import (
	"bytes"
	"strconv"
)

const (
	maxPasswd = 1 << 20
	maxUsers  = 4096
	maxName   = 64
)

// parsePasswd reads the names of users from the text of /etc/passwd. The first
// name of a number counts, as for the C library. Lines that make no sense are
// left out: the file may be a container's, and say anything.
func parsePasswd(b []byte) map[uint32]string {
	names := map[uint32]string{}
	for line := range bytes.Lines(b) {
		if len(names) >= maxUsers {
			break
		}
		fields := bytes.SplitN(bytes.TrimRight(line, "\r\n"), []byte(":"), 4)
		if len(fields) < 4 || len(fields[0]) == 0 || len(fields[0]) > maxName || fields[0][0] == '#' {
			continue
		}
		uid, err := strconv.ParseUint(string(fields[2]), 10, 32)
		if err != nil {
			continue
		}
		if _, ok := names[uint32(uid)]; !ok {
			names[uint32(uid)] = string(fields[0])
		}
	}
	return names
}
