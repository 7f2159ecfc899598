// Package publish sends findings, and changes of coverage, to where people
// already look. A [Follower] reads the changes of the store with a cursor of
// its own and moves it when its target has what it sent, so every change
// arrives at least once, in the order of the commits, whatever dies when. What
// may come twice carries the same id twice.
package publish
