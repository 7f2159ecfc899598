// Package decode is what the bytes mean: it turns chunks of input into batches
// of events. It does no I/O, reads no clock and keeps nothing between chunks
// but memory to use again.
//
// Kubernetes audit logs are read in every shape in which they are delivered:
// one event a line, events joined without line ends, an EventList as the
// webhook posts it, JSON arrays, the CloudWatch Logs shapes of EKS
// (subscription message, `aws logs` output, export to S3 with a time before
// each line), the resource logs and tables in which Azure keeps those of AKS,
// the Cloud Audit Logs that Google makes of those of GKE, as files and as
// messages of Pub/Sub, and container logs of an API server that audits to its
// standard output.
package decode
