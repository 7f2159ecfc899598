// Package e2e tests Vedette against a real Kubernetes cluster: the API server
// posts its audit log to "vedette serve", people attack the cluster with
// kubectl, and the findings are read back through the GuardDuty API.
//
// The tests carry the build tag e2e and need root; the README says how to run
// them.
package e2e
