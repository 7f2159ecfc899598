// Package container knows the containers and pods of a node.
//
// Which container a process is in follows from its control group, whose name
// the runtime chose. What the container is follows from the files in which the
// runtime keeps it, which are there before its first process runs; nobody is
// asked. The API server adds what only it knows: service account, owner and
// address of a pod.
package container
