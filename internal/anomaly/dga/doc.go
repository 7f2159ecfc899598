// Package dga tells how much a domain's label looks as if a program had drawn
// it: the names that malware generates to find its servers (T1568.002).
//
// The score is a logistic regression on the label's n-grams of one to four
// characters, hashed into a fixed number of weights. The model is made by
// hack/dgatrain from ordinary names and from styles of drawn names; no name of
// malware was used. docs/dga-model.md has its figures. One name says little: sum
// Evidence over many names of one asker, and beside it what was answered.
//
// All sums are of whole numbers, so a score is the same on every machine.
package dga
