// Package testbed starts the real systems that tests need on the loopback
// interface, and breaks them on purpose.
package testbed
