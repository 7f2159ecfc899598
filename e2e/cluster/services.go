package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/images"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// Services is what makes a cluster one in which charts can be installed: a
// kube-proxy, so that services have addresses; CoreDNS, so that they have
// names; and a storage class with one volume.
type Services struct {
	CoreDNS string                   // the program
	Images  map[string]*images.Image // by repository; all others are busybox
	Mirror  string                   // folder that is http://archive.ubuntu.com/ubuntu/
	Volume  string                   // folder of the volume
}

// resolverAddr is the resolver outside the cluster, which knows the mirror and
// nothing else.
const resolverAddr = sandbox.NodeIP + ":53"

// startServices starts what the Services option asks for. It needs the node.
func (c *Cluster) startServices(ctx context.Context) error {
	s := c.opts.Services
	if s == nil {
		return nil
	}
	if err := c.startProxy(ctx); err != nil {
		return err
	}
	if err := c.startResolver(ctx, s.CoreDNS); err != nil {
		return err
	}
	if s.Mirror != "" {
		files := http.StripPrefix("/ubuntu/", http.FileServer(http.Dir(s.Mirror)))
		if err := c.serve(sandbox.NodeIP+":80", files); err != nil {
			return err
		}
	}
	admin, err := c.Kubectl(identity.Admin())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Volume, 0o755); err != nil {
		return fmt.Errorf("make the folder of the volume: %w", err)
	}
	manifest := strings.NewReplacer("RESOLVER", sandbox.NodeIP, "VOLUME", s.Volume, "NODE", NodeName).Replace(servicesManifest)
	if err := admin.Apply(ctx, manifest, "apply", "-f", "-"); err != nil {
		return err
	}
	return c.waitDNS(ctx)
}

// startProxy starts a kube-proxy. What belongs to the whole machine (limits of
// connection tracking) it leaves alone.
func (c *Cluster) startProxy(ctx context.Context) error {
	p, err := c.run("kube-proxy", c.opts.Bin.Path("kube-proxy"), "--kubeconfig="+c.kubeconfig("kube-proxy"), "--proxy-mode=iptables",
		"--hostname-override="+NodeName, "--cluster-cidr="+podCIDR, "--conntrack-max-per-core=0", "--conntrack-min=0",
		"--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
		"--healthz-bind-address=127.0.0.1:10256", "--metrics-bind-address=127.0.0.1:10249")
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, 30*time.Second)
	defer cancel()
	return p.WaitFor(ctx, "health", func(ctx context.Context) error { return get(ctx, "http://127.0.0.1:10256/healthz") })
}

// startResolver starts the resolver that CoreDNS in the cluster asks for names
// of the world: another CoreDNS, on the node.
func (c *Cluster) startResolver(ctx context.Context, program string) error {
	config := fmt.Sprintf(".:53 {\n bind %s\n errors\n hosts {\n  %s archive.ubuntu.com\n }\n}\n", sandbox.NodeIP, sandbox.NodeIP)
	if err := os.WriteFile(c.path("Corefile"), []byte(config), 0o644); err != nil {
		return fmt.Errorf("write the resolver's configuration: %w", err)
	}
	p, err := c.run("resolver", program, "-conf", c.path("Corefile"))
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, 20*time.Second)
	defer cancel()
	return p.WaitFor(ctx, "its port", func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", resolverAddr)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

func (c *Cluster) waitDNS(ctx context.Context) error {
	client, err := c.Client(identity.Admin(), "e2e-setup")
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, time.Minute)
	defer cancel()
	return poll(ctx, func(ctx context.Context) error {
		var d *appsv1.Deployment
		if d, err = client.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{}); err != nil {
			return err
		}
		if d.Status.ReadyReplicas == 0 {
			return fmt.Errorf("CoreDNS: no pod is ready")
		}
		return nil
	})
}

// RestartAPIServer starts the API server anew with another kubeconfig for its
// audit webhook and another audit policy, as an operator does who edits its
// flags.
func (c *Cluster) RestartAPIServer(ctx context.Context, webhook, policy string) error {
	text, err := os.ReadFile(policy)
	if err == nil {
		err = os.WriteFile(c.path("audit-policy.yaml"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("change the audit policy: %w", err)
	}
	c.apiserver.Stop(20 * time.Second)
	c.opts.AuditWebhook = webhook
	return c.startAPIServer(ctx)
}

const servicesManifest = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Retain
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: volume-1}
spec:
  storageClassName: standard
  capacity: {storage: 100Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {path: VOLUME}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [NODE]}]}]}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: coredns, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects: [{kind: ServiceAccount, name: coredns, namespace: kube-system}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:53 {
        errors
        health
        ready
        kubernetes cluster.local in-addr.arpa ip6.arpa
        forward . RESOLVER
        cache 30
    }
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  replicas: 1
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      serviceAccountName: coredns
      priorityClassName: system-cluster-critical
      dnsPolicy: Default
      containers:
      - name: coredns
        image: registry.k8s.io/coredns/coredns:v1.15.0
        imagePullPolicy: IfNotPresent
        args: [-conf, /etc/coredns/Corefile]
        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]
        readinessProbe: {httpGet: {path: /ready, port: 8181}, periodSeconds: 1}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
        volumeMounts: [{name: config, mountPath: /etc/coredns, readOnly: true}]
      volumes: [{name: config, configMap: {name: coredns}}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: 10.96.0.10
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
`
