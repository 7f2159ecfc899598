// Package deliver brings a sensor's records to the server: in batches, in
// order, each until the server has it on disk. While the server is away they
// wait in a bounded folder. Who adds a record never waits.
package deliver
