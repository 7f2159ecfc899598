// Package anomaly is what is usual here: small models that say how unusual a
// behaviour is, and why.
//
// A behaviour is one value in each of several views: the API that was called,
// the network it was called from, and so on. A [Profile] counts the values of
// one node. [Walk] asks the nodes from the nearest to the widest, such as
// principal, peers, kind and account, how surprising a value is: a node that
// does not know it says how often it meets something new, and the next is
// asked; the first that knows it says how rare it is. [Learn] teaches a node
// what was new to the node below it, and nothing else, so that a node learns
// how new things look to those below it.
//
// Nothing here reads a clock, draws a number or depends on the order of a map:
// days are those of the events, and logarithms are integers. So the same
// events give the same scores on every machine.
package anomaly
