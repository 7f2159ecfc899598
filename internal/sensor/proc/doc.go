// Package proc knows the processes of a node: who runs what, who started whom,
// which network services there are, whose files they run.
//
// The table is filled from /proc once and then by what the kernel says. A
// process is known by its number and its start, never by its number alone.
// Everything here is bounded, and reads files of containers only in ways that
// a container cannot turn against the sensor.
package proc
