// Package sensor turns what the kernel says into complete records: who did it,
// in which container and pod, what it came from.
//
// One goroutine reads the kernel's records and owns everything here but the
// cache of pods. Nothing on that way waits for a network, and for files of
// containers only so long. What is dropped is counted, by reason.
package sensor
