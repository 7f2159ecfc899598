// Package acts holds a test alone: real programs do in real containers what the
// runtime findings are about, and what ordinary workloads do; a sensor watches, a
// server judges, and the findings are read through GuardDuty's API.
package acts
