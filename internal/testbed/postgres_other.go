//go:build !linux

package testbed

import "testing"

// PostgresServer is a real PostgreSQL; see the Linux build.
type PostgresServer struct{}

// Postgres skips the test: here no server can be started.
func Postgres(t testing.TB) *PostgresServer { return PostgresWith(t, PostgresOptions{}) }

// PostgresWith is Postgres with options.
func PostgresWith(t testing.TB, _ PostgresOptions) *PostgresServer {
	t.Helper()
	(&Missing{"Linux", "run the tests of PostgreSQL there"}).skip(t)
	return nil
}

// URL is the address of a database.
func (*PostgresServer) URL(string) string { return "" }

// SQL runs statements in a database.
func (*PostgresServer) SQL(string, string) {}

// Start starts the server again.
func (*PostgresServer) Start() {}

// Stop ends the server in order.
func (*PostgresServer) Stop() {}

// Restart is Stop and Start.
func (*PostgresServer) Restart() {}

// Kill ends the server at once.
func (*PostgresServer) Kill() {}

// Running reports whether the server runs.
func (*PostgresServer) Running() bool { return false }
