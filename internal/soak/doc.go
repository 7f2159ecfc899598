// Package soak holds no code, only the test that nothing is lost and nothing
// counts twice: it feeds a known log through webhooks and followed files while
// it kills, stops and starts everything the log passes through, and compares
// what is left with a scan of the same log.
package soak
