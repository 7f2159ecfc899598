// Package store keeps findings, detection state, detectors, filters and access
// keys in one SQLite file.
//
// There is one writer connection and a pool of readers. Every change is one
// transaction of [Store.Commit], which returns after the commit is on disk, so
// what it acknowledged is there after a crash. Readers see the last commit and
// never wait for the writer. Another process may open the same file at the
// same time: the two writers take turns.
//
// A finding rests as its wire JSON and merge state, with columns for what
// lists are mostly sorted and filtered by and a side table of the other fields'
// values. Both are filled from finding.Flatten, from which criteria in memory
// work too, so that a filter and a list never disagree.
package store
