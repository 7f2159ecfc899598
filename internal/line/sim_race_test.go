//go:build race

package line

// raced says that the race detector makes coroutines some fifty times as slow.
const raced = true
