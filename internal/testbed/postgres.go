package testbed

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// PostgresOptions say what kind of server to start.
type PostgresOptions struct {
	// Durable has each commit synced, as in earnest. Without it what was
	// committed still outlives the server's processes, not the machine.
	Durable bool
	// Settings are more of its parameters: "max_connections=20".
	Settings []string
}

// Missing is a program that a test needs and that is not here.
type Missing struct{ Program, Remedy string }

func (m *Missing) Error() string { return m.Program + " is missing: " + m.Remedy }

// skip skips the test. Where CI=true everything must be there, so that a gate
// cannot go quiet: there it fails the test.
func (m *Missing) skip(t testing.TB) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI lacks what this test needs: %v", m)
	}
	t.Skipf("this machine lacks what this test needs: %v", m)
}

// postgresBin is the folder of PostgreSQL's programs: Debian's newest, or the
// one that VEDETTE_TEST_POSTGRES names.
func postgresBin() (string, error) {
	if dir := os.Getenv("VEDETTE_TEST_POSTGRES"); dir != "" {
		return dir, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", &Missing{"PostgreSQL", "install it with: apt-get install postgresql"}
	}
	return filepath.Dir(slices.Max(found)), nil
}
