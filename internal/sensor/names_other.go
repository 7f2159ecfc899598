//go:build !linux

package sensor

import "strconv"

func errnoName(n int) string { return "errno " + strconv.Itoa(n) }

func signalName(n int) string {
	if n == 0 {
		return ""
	}
	return "signal " + strconv.Itoa(n)
}
