//go:build linux && (amd64 || arm64)

package kernel

import (
	"crypto/sha256"
	"encoding/hex"
)

// Objects are the SHA-256 of the compiled programs that this binary loads into
// the kernel, by name: those of a release can be compared with the files in
// its source.
func Objects() map[string]string {
	return map[string]string{"network": sha256Of(_NetworkBytes), "sensor": sha256Of(_SensorBytes)}
}

func sha256Of(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
