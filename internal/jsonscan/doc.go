// Package jsonscan reads JSON without building what nobody asked for.
//
// An audit record is a few kilobytes of which a detection reads a few hundred
// bytes. [Scanner] walks one value in place: it hands out strings that alias
// the input and steps over the rest at memory speed. [Parse] builds a small
// tree of a value that a detector really looks into.
//
// Both are tolerant in one direction only: a value whose end is missing (cut by
// a log service) yields what it holds, and says that it was cut. They check
// the structure they walk through, not the inside of values they step over.
package jsonscan
