// Package kube asks API servers of Kubernetes for the little that a server of
// Vedette needs of them: objects by name, lists in pages, server-side apply,
// and whose token a token is. It keeps no copy of anything and watches nothing.
package kube
