// Package event is what happened: one [Event] for every record of every
// source, an envelope and exactly one typed body.
//
// Events live in batches. Their strings and byte slices alias the batch's
// buffer, which is used again once the batch has been handled: whoever keeps a
// string clones it.
package event
