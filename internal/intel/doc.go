// Package intel knows bad addresses, domains and files, and trusted ones, from
// lists; and facts that are not bad by themselves: networks of clouds, kinds of
// domains, popular names.
//
// A [Builder] makes a [Part] of some lists; a [Set] is a few parts that are
// asked together. Both never change: a new set takes the place of the old, and
// shares the parts that stayed the same. Look-ups do not allocate and do not
// lock.
package intel
