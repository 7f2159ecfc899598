package testbed

// ContainerOptions say what container to run. The zero value is one of no pod.
type ContainerOptions struct {
	ID        string // of 64 hexadecimal digits, as Kubernetes has them; made up where it is ""
	Namespace string // of containerd; k8s.io where it is ""
	Args      []string
	Env       []string
	Cgroup    string // path below the test's own group; the id where it is ""
	// Annotations are what Kubernetes has the runtime write: see Pod.
	Annotations map[string]string
	// Binds are "source:target" or "source:target:ro".
	Binds       []string
	Privileged  bool
	HostNetwork bool
	ReadOnly    bool
	// NewPrivileges lets files with the setuid bit raise rights, as Kubernetes does
	// by default.
	NewPrivileges bool
}

// Pod is the annotations that containerd writes for a container of a pod.
func Pod(namespace, pod, uid, container, image string) map[string]string {
	return map[string]string{
		"io.kubernetes.cri.container-type":    "container",
		"io.kubernetes.cri.container-name":    container,
		"io.kubernetes.cri.image-name":        image,
		"io.kubernetes.cri.sandbox-name":      pod,
		"io.kubernetes.cri.sandbox-namespace": namespace,
		"io.kubernetes.cri.sandbox-uid":       uid,
	}
}

// ContainerImage is the name of the one image that there is.
const ContainerImage = "test.local/busybox:1"
