// Package line carries records from the moment they are accepted to the commit
// of their effects, so that each counts once, whatever dies when.
//
// A [Writer] puts pushes into the journal and answers when they are durable
// there. A [Worker] holds some of the shards; for each it reads the journal
// from the position that the store has, has the records judged, and commits
// findings, state, counters and the new position in one transaction. Nothing
// else is needed to be right: positions, epochs and leases live in the store,
// and a commit of a worker that lost its shard is refused there. What the
// journal or the network repeat, delay or lose costs time, never a record.
//
// The protocol calls the journal, the store and the clock through interfaces,
// one call after the other, so that a simulation can stop it at every one.
package line
