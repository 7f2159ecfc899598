// Package journal is where accepted bytes wait, durable, until the worker of
// their shard has committed what they did.
//
// It is NATS JetStream, one stream a shard. By default the server is embedded
// and keeps its files in a folder; with URLs it is a cluster of somebody else.
// The client code is the same: [Journal.Append] publishes and waits for the
// acknowledgement, a [Reader] asks for the messages behind a position in
// batches, and [Journal.Trim] purges what is done with.
//
// A position is a stream's sequence number. Positions of a shard are dense, so
// a message that is gone shows as a gap. What an acknowledgement means: on the
// embedded server the message was fsynced; on a cluster most replicas hold it.
//
// A message holds one or more entries, see [Encode].
package journal
