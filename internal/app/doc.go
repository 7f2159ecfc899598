// Package app wires the rooms into the line and runs it: the same stages with
// a different head and tail for a scan of files and for a running server.
package app
