package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// startNode starts containerd and kubelet and waits until the node is ready.
func (c *Cluster) startNode(ctx context.Context) error {
	if c.opts.WithoutNode {
		return nil
	}
	if err := c.writeNodeFiles(); err != nil {
		return err
	}
	ctx, cancel := within(ctx, 2*time.Minute)
	defer cancel()
	ctrd, err := c.run("containerd", "containerd", "-c", c.path("containerd.toml"))
	if err != nil {
		return err
	}
	err = ctrd.WaitFor(ctx, "its socket", func(context.Context) error {
		_, err := os.Stat(c.ContainerdSocket())
		return err
	})
	if err != nil {
		return err
	}
	kubelet, err := c.run("kubelet", c.opts.Bin.Path("kubelet"), "--config="+c.path("kubelet.yaml"),
		"--kubeconfig="+c.kubeconfig("kubelet"), "--hostname-override="+NodeName, "--node-ip="+sandbox.NodeIP, "--cert-dir="+c.path("kubelet-pki"),
		"--node-labels=eks.amazonaws.com/nodegroup=ng-1,topology.kubernetes.io/zone=us-east-1a,e2e/real=true")
	if err != nil {
		return err
	}
	client, err := c.Client(identity.Admin(), "e2e-setup")
	if err != nil {
		return err
	}
	return kubelet.WaitFor(ctx, "a ready node", func(ctx context.Context) error {
		node, err := client.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, cond := range node.Status.Conditions {
			if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("node %s is not ready", NodeName)
	})
}

// ContainerdSocket is where the node's runtime listens.
func (c *Cluster) ContainerdSocket() string { return c.path("c.sock") }

func (c *Cluster) writeNodeFiles() error {
	if err := c.writeKubeconfig("kubelet", "https://"+apiAddr, "token: "+identity.Node(NodeName).Token()); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"containerd.toml":             fmt.Sprintf(containerdConfig, c.path("ctr"), c.path("ctr-state"), c.ContainerdSocket(), c.path("cni"), c.path("certs.d")),
		"kubelet.yaml":                fmt.Sprintf(kubeletConfig, sandbox.NodeIP, c.ca.Path("ca.crt"), c.ca.Path("kubelet.crt"), c.ca.Path("kubelet.key"), c.ContainerdSocket(), sandbox.Name(), c.path("resolv.conf"), c.path("volumeplugins")),
		"cni/10-pods.conflist":        fmt.Sprintf(cniConfig, c.path("cni-data"), podCIDR),
		"resolv.conf":                 "nameserver 10.96.0.10\n",
		"certs.d/_default/hosts.toml": fmt.Sprintf(registryConfig, registryAddr),
	} {
		path := c.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the node's files: %w", err)
		}
	}
	return nil
}

// Without the right to lower a process's oom_score_adj, runc dies unless
// containerd restricts it.
const containerdConfig = `version = 2
root = "%s"
state = "%s"
[grpc]
  address = "%s"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "%s"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "%s"
`

// Every registry in the world is the harness.
const registryConfig = `[host."http://%s"]
  capabilities = ["pull", "resolve"]
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %s
port: 10250
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %s}}
authorization: {mode: Webhook}
tlsCertFile: %s
tlsPrivateKeyFile: %s
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupRoot: /%s
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
resolvConf: %s
volumePluginDir: %s
evictionHard: {nodefs.available: "0%%", imagefs.available: "0%%", memory.available: "100Mi"}
imageGCHighThresholdPercent: 100
maxPods: 200
serializeImagePulls: false
nodeStatusReportFrequency: 1m
`

// podCIDR is where pods have their addresses.
const podCIDR = "10.88.0.0/24"

// Each pod has a link of its own to the node, which routes: on a bridge the
// answers of services would need the kernel to look into bridged frames.
const cniConfig = `{"cniVersion":"0.4.0","name":"e2e","plugins":[
 {"type":"ptp","ipMasq":false,
  "ipam":{"type":"host-local","dataDir":"%s","ranges":[[{"subnet":"%s"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
`
