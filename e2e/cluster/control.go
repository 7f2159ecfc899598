package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

func (c *Cluster) startEtcd(ctx context.Context) error {
	// Plain HTTP will do: nobody else is in this network namespace. Durability
	// is not wanted either.
	p, err := c.run("etcd", "etcd", "--data-dir", c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", "http://"+etcdAddr, "--advertise-client-urls", "http://"+etcdAddr,
		"--listen-peer-urls", "http://"+etcdPeerAddr, "--initial-advertise-peer-urls", "http://"+etcdPeerAddr,
		"--initial-cluster", "default=http://"+etcdPeerAddr, "--quota-backend-bytes", "6000000000")
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, 30*time.Second)
	defer cancel()
	return p.WaitFor(ctx, "health", func(ctx context.Context) error { return get(ctx, "http://"+etcdAddr+"/health") })
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	if err := c.writeKubeconfig("tokenreview", "http://"+hookAddr+"/tokenreview", ""); err != nil {
		return err
	}
	maxMB := c.opts.AuditLogMaxMB
	if maxMB == 0 {
		maxMB = 8000
	}
	args := []string{
		"--etcd-servers=http://" + etcdAddr,
		"--bind-address=0.0.0.0", "--advertise-address=" + sandbox.NodeIP, "--secure-port=6443",
		"--tls-cert-file=" + c.ca.Path("apiserver.crt"), "--tls-private-key-file=" + c.ca.Path("apiserver.key"),
		"--client-ca-file=" + c.ca.Path("ca.crt"),
		"--kubelet-client-certificate=" + c.ca.Path("kubelet-client.crt"), "--kubelet-client-key=" + c.ca.Path("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--service-account-issuer=https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
		"--service-account-key-file=" + c.ca.Path("sa.pub"), "--service-account-signing-key-file=" + c.ca.Path("sa.key"),
		"--api-audiences=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC", "--anonymous-auth=true", "--allow-privileged=true",
		"--enable-admission-plugins=NodeRestriction",
		"--requestheader-client-ca-file=" + c.ca.Path("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + c.ca.Path("front-proxy.crt"), "--proxy-client-key-file=" + c.ca.Path("front-proxy.key"),
		"--authentication-token-webhook-config-file=" + c.kubeconfig("tokenreview"), "--authentication-token-webhook-version=v1",
		"--authentication-token-webhook-cache-ttl=2m",
		"--audit-policy-file=" + c.path("audit-policy.yaml"), "--audit-log-path=" + c.AuditLog(),
		"--audit-log-format=json", "--audit-log-maxsize=" + strconv.Itoa(maxMB),
		"--profiling=false", "--max-requests-inflight=800", "--max-mutating-requests-inflight=400",
	}
	if w := c.opts.AuditWebhook; w != "" {
		// A short wait makes findings prompt; the throttle would hold back ten
		// batches a second, which is just what that wait can produce.
		args = append(args, "--audit-webhook-config-file="+w, "--audit-webhook-mode=batch", "--audit-webhook-version=audit.k8s.io/v1",
			"--audit-webhook-batch-max-wait=100ms", "--audit-webhook-batch-max-size=400",
			"--audit-webhook-batch-buffer-size=20000", "--audit-webhook-batch-throttle-enable=false")
		if d := c.opts.WebhookBackoff; d > 0 {
			args = append(args, "--audit-webhook-initial-backoff="+d.String())
		}
	}
	p, err := c.run("kube-apiserver", c.opts.Bin.Path("kube-apiserver"), args...)
	if err != nil {
		return err
	}
	c.apiserver = p
	ctx, cancel := within(ctx, 2*time.Minute)
	defer cancel()
	return p.WaitFor(ctx, "readiness", func(ctx context.Context) error { return get(ctx, "https://"+apiAddr+"/readyz") })
}

// patience lets a leader outlive a restart of the API server. By itself it ends
// when it cannot renew its lease for ten seconds, and waits for its kubelet to
// start it again.
func patience() []string {
	return []string{"--leader-elect-renew-deadline=60s", "--leader-elect-lease-duration=90s"}
}

func (c *Cluster) startControllerManager(context.Context) error {
	k := c.kubeconfig("kcm")
	_, err := c.run("kube-controller-manager", c.opts.Bin.Path("kube-controller-manager"), append(patience(),
		"--kubeconfig="+k, "--authentication-kubeconfig="+k, "--authorization-kubeconfig="+k,
		"--bind-address=127.0.0.1", "--service-account-private-key-file="+c.ca.Path("sa.key"), "--root-ca-file="+c.ca.Path("ca.crt"),
		"--use-service-account-credentials=true", "--controllers=*,bootstrap-signer-controller,token-cleaner-controller",
		"--cluster-signing-cert-file="+c.ca.Path("ca.crt"), "--cluster-signing-key-file="+c.ca.Path("ca.key"),
		"--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/14")...)
	return err
}

func (c *Cluster) startScheduler(context.Context) error {
	k := c.kubeconfig("scheduler")
	_, err := c.run("kube-scheduler", c.opts.Bin.Path("kube-scheduler"), append(patience(),
		"--kubeconfig="+k, "--authentication-kubeconfig="+k, "--authorization-kubeconfig="+k, "--bind-address=127.0.0.1")...)
	return err
}

// waitServiceAccounts waits for the accounts without which no pod is admitted.
func (c *Cluster) waitServiceAccounts(ctx context.Context) error {
	client, err := c.Client(identity.Admin(), "e2e-setup")
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, time.Minute)
	defer cancel()
	return poll(ctx, func(ctx context.Context) error {
		for _, ns := range []string{"default", "kube-system"} {
			if _, err := client.CoreV1().ServiceAccounts(ns).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// get asks once and wants a 200. Like a load balancer it neither
// authenticates nor checks the certificate.
func get(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: t}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// poll asks until it gets no error; the last one is part of the timeout's.
func poll(ctx context.Context, f func(context.Context) error) error {
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
