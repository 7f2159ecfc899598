// Chart makes what is generated of the Helm chart in deploy/helm/vedette: the
// schema of its values, their table in docs/helm.md, the copies of the alert
// rules and the dashboard, and the manifests for those who use no Helm. Its
// tests hold the chart against real Helm and a real API server.
//
//	go run .            makes everything anew
//	go run . helm       prints where Helm is, and builds it first if need be
package main
