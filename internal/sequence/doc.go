// Package sequence finds attacks that take several steps. It is pure: it is
// told of findings and of what is harmless alone as [Note]s, of who became
// whom as [Edge]s, and says which of them belong together and are too unlikely
// to be chance.
//
// Notes and edges are folded by entity, kind and day, in a way that does not
// depend on the order in which they come or on how often the same one does. So
// the sequences are a function of the set of records, whoever was first.
package sequence
