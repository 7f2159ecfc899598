// Package feed fetches lists of threats that others publish, and keeps the last
// good one of each on disk.
//
// What is fetched is read completely before it takes the place of what was
// there. What looks wrong as a whole (ten times the entries of yesterday, next
// to none, well-known names among them) is held aside with its reason until an
// operator accepts it or the publisher mends it. An [Updater] keeps all it
// knows in its folder: several processes may work on one, and a new one goes on
// where the old one stopped.
//
// Addresses of feeds may come from strangers, too: only https is spoken, and
// nothing inside the own network is asked, unless the source says so.
package feed
