// Package ranges keeps a label for every range of addresses, IPv4 and IPv6, in
// a small file, and finds the label of an address in a few steps.
package ranges
