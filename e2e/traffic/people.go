package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
)

// person is somebody with kubectl.
type person struct {
	name, role, group string
	mean              time.Duration // between two things they do
	acts              []act
}

// act is one thing people do; ns is a team's namespace.
type act func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error

func (w *World) people(ctx context.Context, wg *sync.WaitGroup) {
	var staff []person
	for i := range 14 {
		staff = append(staff, person{fmt.Sprintf("dev%02d@example.com", i), "Developer", "devs", 7 * time.Second, developerActs()})
	}
	for i := range 3 {
		staff = append(staff, person{fmt.Sprintf("sre%02d@example.com", i), "SRE", "sre", 8 * time.Second, sreActs(w.opts.Nodes)})
	}
	for i := range 2 {
		staff = append(staff, person{fmt.Sprintf("audit%02d@example.com", i), "Auditor", "readers", 15 * time.Second, readerActs()})
	}
	for i, p := range staff {
		k, err := w.c.Kubectl(identity.Actor{Role: p.role, Session: p.name, Groups: []string{p.group}, IP: fmt.Sprintf("198.51.100.%d", 100+i)})
		if err != nil {
			w.count(ctx, "person starts", err)
			continue
		}
		if i%5 == 4 { // an older kubectl
			k = k.With("KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false", "KUBECTL_PORT_FORWARD_WEBSOCKETS=false")
		}
		own := w.teams[i%len(w.teams)]
		w.every(ctx, wg, p.mean, uint64(9000+i), p.role, func(ctx context.Context, rng *rand.Rand) error {
			ns := own
			if rng.IntN(5) == 0 { // helps another team
				ns = pick(rng, w.teams)
			}
			return pick(rng, p.acts)(ctx, k, ns, rng)
		})
	}
}

// in is an act of one kubectl call in the team's namespace.
func in(args ...string) act {
	return func(ctx context.Context, k *cluster.Kubectl, ns string, _ *rand.Rand) error {
		return k.Run(ctx, append([]string{"-n", ns}, args...)...)
	}
}

// may is an act whose refusal is part of the day.
func may(args ...string) act {
	return func(ctx context.Context, k *cluster.Kubectl, ns string, _ *rand.Rand) error {
		_, err := k.Do(ctx, "", append([]string{"-n", ns}, args...)...)
		return err
	}
}

func developerActs() []act {
	return []act{
		in("get", "pods"), in("get", "pods", "-o", "wide"), in("get", "deployments,services"), in("get", "events"), in("get", "all"),
		in("get", "pods", "-l", "app=web", "-o", "yaml"), in("describe", "deployment", "web"), in("describe", "pods", "-l", "app=web"),
		in("logs", "deployment/web", "--tail=20"), in("logs", "-l", "app=web", "--tail=5"),
		in("exec", "deployment/web", "--", "ls", "/tmp"), in("exec", "deployment/web", "--", "env"), in("exec", "deployment/web", "--", "sh", "-c", "ps | head"),
		in("rollout", "status", "deployment/svc-1", "--timeout=20s"), in("rollout", "history", "deployment/svc-1"), in("rollout", "restart", "deployment/svc-2"),
		in("auth", "can-i", "create", "deployments"), in("auth", "can-i", "--list"), in("get", "secret", "database", "-o", "yaml"), in("get", "cronjobs,jobs"),
		in("get", "configmaps"), may("top", "pods"), may("get", "nodes"), may("get", "secrets", "-n", "kube-system"), may("-n", "kube-system", "get", "pods"),
		may("get", "pod", "gone-since-the-rollout"), may("auth", "can-i", "delete", "nodes"), may("exec", "gone-since-the-rollout", "--", "sh"),
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			return k.Run(ctx, "-n", ns, "scale", "deployment/svc-3", fmt.Sprintf("--replicas=%d", 1+rng.IntN(4)))
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			return k.Run(ctx, "-n", ns, "set", "env", "deployment/svc-4", fmt.Sprintf("FLAG=%d", rng.IntN(9)))
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			return k.Apply(ctx, application(ns, fmt.Sprintf("try-%d", rng.IntN(2)), fmt.Sprintf("0.%d.0", rng.IntN(9)), 1), "apply", "-f", "-")
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			return k.Apply(ctx, application(ns, "try-ssa", fmt.Sprintf("0.%d.0", rng.IntN(9)), 1), "apply", "--server-side", "--force-conflicts", "-f", "-")
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			name := fmt.Sprintf("manual-%d", rng.IntN(1e6))
			return k.Run(ctx, "-n", ns, "create", "job", name, "--from=cronjob/sync")
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			name := fmt.Sprintf("settings-%d", rng.IntN(1e6))
			if err := k.Run(ctx, "-n", ns, "create", "configmap", name, "--from-literal=a=b"); err != nil {
				return err
			}
			return k.Run(ctx, "-n", ns, "delete", "configmap", name)
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			body := fmt.Sprintf(`-p=[{"op":"add","path":"/metadata/annotations/note","value":"%d"}]`, rng.IntN(1e6))
			return k.Run(ctx, "-n", ns, "patch", "deployment", "svc-0", "--type=json", body)
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, _ *rand.Rand) error {
			return k.Briefly(ctx, "-n", ns, "port-forward", "deployment/web", "18080:8080")
		},
	}
}

func sreActs(nodes int) []act {
	return []act{
		in("get", "nodes"), in("get", "nodes", "-o", "wide"), in("get", "pods", "-A"), in("describe", "node", cluster.NodeName), in("get", "deployments", "-A"),
		in("get", "--raw", "/readyz?verbose"), in("get", "clusterrolebindings", "-o", "wide"), in("get", "events", "-A"), in("get", "daemonsets", "-A"),
		in("-n", "kube-system", "get", "pods", "-o", "wide"), in("-n", "kube-system", "logs", "deployment/coredns", "--tail=10"), in("-n", "kube-system", "describe", "configmaps"),
		in("exec", "deployment/web", "--", "cat", "/etc/passwd"), in("cluster-info"), in("api-resources"), in("get", "leases", "-A"),
		in("-n", "kube-system", "rollout", "restart", "deployment/coredns"),
		func(ctx context.Context, k *cluster.Kubectl, _ string, rng *rand.Rand) error {
			name, _ := nodeName(rng.IntN(max(1, nodes)))
			if err := k.Run(ctx, "cordon", name); err != nil {
				return err
			}
			if rng.IntN(2) == 0 {
				if err := k.Run(ctx, "drain", name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=30s"); err != nil {
					return err
				}
			}
			return k.Run(ctx, "uncordon", name)
		},
		func(ctx context.Context, k *cluster.Kubectl, _ string, rng *rand.Rand) error {
			// The controller makes a new, privileged pod.
			name, _ := nodeName(rng.IntN(max(1, nodes)))
			label := pick(rng, []string{"k8s-app=kube-proxy", "k8s-app=aws-node", "app=ebs-csi-node"})
			return k.Run(ctx, "-n", "kube-system", "delete", "pods", "-l", label, "--field-selector=spec.nodeName="+name, "--wait=false")
		},
		func(ctx context.Context, k *cluster.Kubectl, ns string, rng *rand.Rand) error {
			name := fmt.Sprintf("guest-%d", rng.IntN(1e6))
			if err := k.Run(ctx, "-n", ns, "create", "rolebinding", name, "--clusterrole=view", "--user=guest@example.com"); err != nil {
				return err
			}
			return k.Run(ctx, "-n", ns, "delete", "rolebinding", name)
		},
		func(ctx context.Context, k *cluster.Kubectl, _ string, rng *rand.Rand) error {
			name := fmt.Sprintf("feature-%d", rng.IntN(1e6))
			if err := k.Run(ctx, "create", "namespace", name); err != nil {
				return err
			}
			if err := k.Run(ctx, "-n", name, "create", "deployment", "app", "--image=nginx", "--replicas=2"); err != nil {
				return err
			}
			return k.Run(ctx, "delete", "namespace", name, "--wait=false")
		},
	}
}

func readerActs() []act {
	return []act{
		in("get", "pods", "-A", "-o", "json"), in("get", "deployments", "-A", "-o", "yaml"), in("get", "namespaces"), in("get", "nodes", "-o", "json"),
		in("get", "services", "-A"), may("get", "secrets"), may("get", "clusterroles"), in("get", "configmaps", "-A"), in("auth", "can-i", "get", "secrets", "-A"),
	}
}
