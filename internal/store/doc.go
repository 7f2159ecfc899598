// Package store keeps findings, detection state, detectors, filters and access
// keys, and who works on what, in one SQLite file or in PostgreSQL. One suite
// of tests says what both must do, and Copy moves all from one to the other.
//
// Every change is one transaction of [Store.Commit], which returns after the
// commit is on disk, so what it acknowledged is there after a crash. Readers
// see the last commit and never wait for a writer. Another process may use the
// same file or database at the same time. In the file writers take turns; in
// PostgreSQL several commit at once, and a shard's fencing token (see
// [Tx.Advance]) keeps a worker that lost the shard from doing so.
//
// The queries are written once. What the two databases do not have in common
// is an engine (connections, transactions) with its dialect (bits of SQL).
//
// A finding rests as its wire JSON and merge state, with columns for what
// lists are mostly sorted and filtered by and a side table of the other fields'
// values. Both are filled from finding.Flatten, from which criteria in memory
// work too, so that a filter and a list never disagree.
package store
