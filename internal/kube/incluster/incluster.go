// Package incluster says whether this process is a pod of Kubernetes, and how a
// pod reaches its API server. It reads no file and is apart from the client of
// package kube, so that the sensor carries nothing of that.
package incluster

import (
	"cmp"
	"net"
)

// Server is the API server of the cluster that this process runs in.
type Server struct {
	URL string // https://HOST:PORT
	// TokenFile is renewed about every hour: it is read for each call.
	TokenFile string
	CAFile    string
}

// folder is where Kubernetes puts the service account of a pod.
const folder = "/var/run/secrets/kubernetes.io/serviceaccount/"

// Find is what Kubernetes tells every pod in its environment; false outside of
// one. Whether the files are there is not looked at: a pod may have no service
// account.
func Find(getenv func(string) string) (Server, bool) {
	host := getenv("KUBERNETES_SERVICE_HOST")
	if host == "" {
		return Server{}, false
	}
	port := cmp.Or(getenv("KUBERNETES_SERVICE_PORT"), "443")
	return Server{URL: "https://" + net.JoinHostPort(host, port), TokenFile: folder + "token", CAFile: folder + "ca.crt"}, true
}
