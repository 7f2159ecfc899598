// Package detect turns events into signals: the engine, the detectors (one
// file per family, listed in one function) and what they remember.
//
// Nothing here reads a clock or depends on map order, and one goroutine owns
// an [Engine]: the same records in the same order give the same signals.
package detect
