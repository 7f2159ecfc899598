//go:build race

package main

// raceDetector: memory is not what it is without the detector.
const raceDetector = true
