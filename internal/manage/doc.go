// Package manage keeps the runtime sensor of a cluster as the detector wants
// it: it installs, upgrades and removes the sensor's DaemonSet through the
// cluster's API server, and reports of each node whether it has a sensor and, if
// not, why. The manifests that people apply by hand are made of the same text.
package manage
