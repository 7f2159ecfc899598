package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	coordv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/vedette-project/vedette/e2e/identity"
)

// node plays one kubelet: it registers, renews its lease, reports its status,
// and reports pods as running, finished or gone, with the calls and the
// identity a kubelet has.
type node struct {
	w      *World
	name   string
	ip     string
	client kubernetes.Interface
	rng    *rand.Rand
	pods   chan *corev1.Pod
	known  map[types.UID]corev1.PodPhase // what was last reported; owned by work
}

func (w *World) runNode(ctx context.Context, i int) {
	n, err := w.newNode(i)
	if err == nil {
		err = n.run(ctx)
	}
	w.count(ctx, "node runs", err)
}

// spotNodes has a few nodes come and go, so that the controllers make system
// pods on new nodes all the time.
func (w *World) spotNodes(ctx context.Context) {
	for i := w.opts.Nodes; ctx.Err() == nil; i++ {
		life, cancel := context.WithTimeout(ctx, 2*time.Minute)
		w.runNode(life, i)
		cancel()
		if ctx.Err() != nil {
			return
		}
		name, _ := nodeName(i)
		client, err := w.account("kube-system/cluster-autoscaler", "cluster-autoscaler/v1.34.0 (linux/amd64) kubernetes/$Format")
		if err == nil {
			err = client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
		}
		w.count(ctx, "spot node removed", err)
	}
}

func nodeName(i int) (name, ip string) {
	a, b := i/200, 10+i%200
	return fmt.Sprintf("ip-10-0-%d-%d.ec2.internal", a, b), fmt.Sprintf("10.0.%d.%d", a, b)
}

func (w *World) newNode(i int) (*node, error) {
	name, ip := nodeName(i)
	actor := identity.Node(name)
	actor.IP = ip
	client, err := w.c.Client(actor, "kubelet/v1.34.4 (linux/amd64) kubernetes/0000000")
	if err != nil {
		return nil, err
	}
	return &node{
		w: w, name: name, ip: ip, client: client, rng: rand.New(rand.NewPCG(uint64(i), 1)),
		pods: make(chan *corev1.Pod, 256), known: map[types.UID]corev1.PodPhase{},
	}, nil
}

func (n *node) run(ctx context.Context) error {
	if err := n.register(ctx); err != nil {
		return err
	}
	lw := cache.NewListWatchFromClient(n.client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, fields.OneTermEqualSelector("spec.nodeName", n.name))
	push := func(obj any) {
		if p, ok := obj.(*corev1.Pod); ok {
			select {
			case n.pods <- p:
			case <-ctx.Done():
			}
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lw, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: push, UpdateFunc: func(_, obj any) { push(obj) }},
	})
	var wg sync.WaitGroup
	wg.Go(func() { informer.RunWithContext(ctx) })
	wg.Go(func() { n.heartbeat(ctx) })
	n.work(ctx)
	wg.Wait()
	return nil
}

// register makes the node object as a kubelet does at its first start.
func (n *node) register(ctx context.Context) error {
	amounts := corev1.ResourceList{"cpu": resource.MustParse("8"), "memory": resource.MustParse("32Gi"), "pods": resource.MustParse("110"), "ephemeral-storage": resource.MustParse("80Gi")}
	_, err := n.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: map[string]string{
			"kubernetes.io/hostname": n.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"eks.amazonaws.com/nodegroup": "ng-1", "node.kubernetes.io/instance-type": "m6i.2xlarge",
		}},
		Spec: corev1.NodeSpec{ProviderID: "aws:///us-east-1a/" + identity.Node(n.name).Session},
		Status: corev1.NodeStatus{
			Capacity: amounts, Allocatable: amounts, Conditions: n.conditions(),
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.ip}, {Type: corev1.NodeHostName, Address: n.name}},
			NodeInfo:  corev1.NodeSystemInfo{KubeletVersion: "v1.34.4-eks-0000000", OSImage: "Amazon Linux 2023", ContainerRuntimeVersion: "containerd://2.1.4"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("register node %s: %w", n.name, err)
	}
	return nil
}

func (n *node) conditions() []corev1.NodeCondition {
	now := metav1.Now()
	return []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", LastHeartbeatTime: now},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure", LastHeartbeatTime: now},
		{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", LastHeartbeatTime: now},
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status", LastHeartbeatTime: now},
	}
}

// heartbeat renews the lease every ten seconds and reports the status every
// minute.
func (n *node) heartbeat(ctx context.Context) {
	leases := n.client.CoordinationV1().Leases("kube-node-lease")
	seconds := int32(40)
	for i := 0; ctx.Err() == nil; i++ {
		now := metav1.NowMicro()
		lease, err := leases.Get(ctx, n.name, metav1.GetOptions{})
		if err != nil {
			_, err = leases.Create(ctx, &coordv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Name: n.name},
				Spec:       coordv1.LeaseSpec{HolderIdentity: &n.name, LeaseDurationSeconds: &seconds, RenewTime: &now},
			}, metav1.CreateOptions{})
		} else {
			lease.Spec.RenewTime = &now
			_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		}
		n.w.count(ctx, "node lease", err)
		if i%6 == 0 {
			body, _ := json.Marshal(map[string]any{"status": map[string]any{"conditions": n.conditions()}})
			_, err := n.client.CoreV1().Nodes().PatchStatus(ctx, n.name, body)
			n.w.count(ctx, "node status", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
	}
}
