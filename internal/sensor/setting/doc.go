// Package setting is what a sensor can be told: the flags of `vedette sensor`,
// the kinds of records, and within which bounds. The command asks it, and so does the
// configuration of a server that runs sensors: what the one would refuse the other
// refuses, before it is in a cluster.
package setting
