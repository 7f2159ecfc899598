//go:build tools

// Package k8s pins the Kubernetes components that the end-to-end tests run.
//
// It is a module of its own because k8s.io/kubernetes only builds with one
// replace line for each of its staging modules, and those would bind every
// package of a module that holds them.
package k8s

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
