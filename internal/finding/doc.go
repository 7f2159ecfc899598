// Package finding is what Vedette claims: the GuardDuty finding format, the
// catalogue of finding types, and the rules by which many signals become one
// finding.
//
// A detector emits a [Signal]: one claim about one record, with a key that
// says which incident it belongs to. [Merge] folds a signal into the [Record]
// of its key. Everything that may differ between two runs (clocks, map order,
// arrival of two equal records) is kept out of both, so the same records give
// the same findings, byte for byte.
//
// The wire_*.go files mirror the shapes of the GuardDuty REST API (restJson1):
// lowerCamelCase keys, moments either as strings ([Timestamp]) or as epoch
// seconds ([Epoch]), each as the service itself does it.
package finding
