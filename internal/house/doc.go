// Package house holds the rules of the house as ordinary tests: which room may
// import which, where a clock may be read, how long a file may be. It has no
// code of its own.
package house
