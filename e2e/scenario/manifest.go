package scenario

import "fmt"

// Pod specs, written as one YAML flow value so that they fit in any workload.
const (
	plainPod      = `{containers: [{name: c, image: busybox}]}`
	privilegedPod = `{containers: [{name: c, image: busybox, securityContext: {privileged: true}}]}`
	hostEtcPod    = `{containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /host-etc}]}], volumes: [{name: v, hostPath: {path: /etc}}]}`
	hostRootPod   = `{containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /host}]}], volumes: [{name: v, hostPath: {path: /}}]}`
	hostDataPod   = `{containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /data}]}], volumes: [{name: v, hostPath: {path: /mnt/data, type: DirectoryOrCreate}}]}`
	initPod       = `{initContainers: [{name: i, image: busybox, command: ["true"], securityContext: {privileged: true}}], containers: [{name: c, image: busybox}]}`
	onePrivileged = `{restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"], securityContext: {privileged: true}}]}`
	oneHostEtc    = `{restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"], volumeMounts: [{name: v, mountPath: /e}]}], volumes: [{name: v, hostPath: {path: /etc}}]}`
)

// pod is the manifest of a bare pod.
func pod(ns, name, spec string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s}\nspec: %s\n", name, ns, spec)
}

// workload is the manifest of anything whose pod template is at
// spec.template.
func workload(api, kind, ns, name, spec string) string {
	return scaled(api, kind, ns, name, spec, 1)
}

func scaled(api, kind, ns, name, spec string, replicas int) string {
	head := fmt.Sprintf("selector: {matchLabels: {app: %s}}", name)
	switch kind {
	case "Job":
		head = "backoffLimit: 0"
	case "Deployment", "StatefulSet", "ReplicaSet":
		head += fmt.Sprintf(", replicas: %d", replicas)
	}
	if kind == "StatefulSet" {
		head += ", serviceName: " + name
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: {%s, template: {metadata: {labels: {app: %s}}, spec: %s}}\n",
		api, kind, name, ns, head, name, spec)
}

// cronJob is the manifest of a CronJob that never comes due in a test.
func cronJob(ns, name, spec string) string {
	return fmt.Sprintf("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: %s, namespace: %s}\nspec: {schedule: \"0 0 1 1 *\", jobTemplate: {spec: {template: {spec: %s}}}}\n", name, ns, spec)
}

// binding is the manifest of a ClusterRoleBinding; subjects is a YAML flow
// value.
func binding(name, role, subjects string) string {
	return fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: %s}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}\nsubjects: %s\n", name, role, subjects)
}

const (
	ciSubject        = `{kind: ServiceAccount, name: ci, namespace: app}`
	defaultSubject   = `{kind: ServiceAccount, name: default, namespace: default}`
	anonymousSubject = `{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:anonymous"}`
	nobodySubject    = `{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:unauthenticated"}`
)
