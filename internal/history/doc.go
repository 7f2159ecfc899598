// Package history is the memory of who met what outside: for each hour a set
// of contacts, small enough to keep for months and quick to search for things
// that nobody knew to be bad when they were met.
//
// A [Set] collects the contacts of an hour that is under way and gives out what
// is new in runs, which are kept in order. An [Hour] brings runs and blocks
// together again and makes one block of them: sorted, coded by differences and
// compressed. A [Walker] searches a block without building it.
//
// Who and how are text of the caller's. What is met is a thing: an address, a
// name or, one day, the hash of a file.
package history
