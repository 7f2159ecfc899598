package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What a node knows of a pod beside the phases it reported.
const (
	queued corev1.PodPhase = "queued" // seen, not yet started
	gone   corev1.PodPhase = "gone"   // deleted; a copy of it may still be queued
)

// work handles the node's pods one after the other, as pod workers would side
// by side.
func (n *node) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-n.pods:
			if err := n.sync(ctx, p); err != nil {
				n.w.count(ctx, "pod sync", err)
			}
		}
	}
}

// sync brings one pod a step further.
func (n *node) sync(ctx context.Context, p *corev1.Pod) error {
	pods := n.client.CoreV1().Pods(p.Namespace)
	switch last := n.known[p.UID]; {
	case last == gone:
	case p.DeletionTimestamp != nil:
		n.known[p.UID] = gone
		if err := n.report(ctx, p, corev1.PodSucceeded, false); err != nil {
			return err
		}
		zero := int64(0)
		return pods.Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &p.UID}})
	case p.Status.Phase == corev1.PodPending && last == "":
		n.known[p.UID] = queued
		n.later(ctx, p, 300*time.Millisecond)
	case last == queued && p.Annotations["ran"] != "":
		// The authorizer may not know yet that the pod is on this node; a
		// kubelet is refused then, too, and asks again.
		if err := n.prepare(ctx, p); err != nil {
			n.later(ctx, p, time.Second)
			return err
		}
		n.known[p.UID] = corev1.PodPending
		if err := n.report(ctx, p, corev1.PodPending, false); err != nil {
			return err
		}
		n.later(ctx, p, 500*time.Millisecond)
	case last == corev1.PodPending && p.Annotations["ran"] != "":
		n.known[p.UID] = corev1.PodRunning
		if err := n.report(ctx, p, corev1.PodRunning, true); err != nil {
			return err
		}
		if p.Spec.RestartPolicy == corev1.RestartPolicyNever {
			n.later(ctx, p, 4*time.Second)
		}
	case last == corev1.PodRunning && p.Spec.RestartPolicy == corev1.RestartPolicyNever && p.Annotations["ran"] != "":
		n.known[p.UID] = corev1.PodSucceeded
		return n.report(ctx, p, corev1.PodSucceeded, false)
	}
	return nil
}

// later hands the pod back after a while, marked as having run.
func (n *node) later(ctx context.Context, p *corev1.Pod, d time.Duration) {
	q := p.DeepCopy()
	q.Annotations = map[string]string{"ran": "yes"}
	time.AfterFunc(d, func() {
		select {
		case n.pods <- q:
		case <-ctx.Done():
		}
	})
}

// prepare does what a kubelet does before it starts containers: it asks for
// the account's token and reads what the volumes need.
func (n *node) prepare(ctx context.Context, p *corev1.Pod) error {
	seconds := int64(3607)
	_, err := n.client.CoreV1().ServiceAccounts(p.Namespace).CreateToken(ctx, p.Spec.ServiceAccountName, &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.Name, UID: p.UID},
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("get a token for pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	for _, v := range p.Spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		if _, err := n.client.CoreV1().ConfigMaps(p.Namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{}); err != nil {
			return fmt.Errorf("read a config map for pod %s/%s: %w", p.Namespace, p.Name, err)
		}
	}
	return nil
}

// report patches the pod's status.
func (n *node) report(ctx context.Context, p *corev1.Pod, phase corev1.PodPhase, ready bool) error {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	now := metav1.Now()
	s := corev1.PodStatus{Phase: phase, HostIP: n.ip, PodIP: fmt.Sprintf("10.244.%d.%d", n.rng.IntN(4), 2+n.rng.IntN(250)), StartTime: &now}
	for _, t := range []corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady} {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: t, Status: status, LastTransitionTime: now})
	}
	for _, c := range p.Spec.Containers {
		cs := corev1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: ready, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}
		switch phase {
		case corev1.PodRunning:
			cs.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
			cs.ContainerID, cs.ImageID = "containerd://"+string(p.UID), c.Image+"@sha256:0000"
		case corev1.PodSucceeded:
			cs.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: now}}
		}
		s.ContainerStatuses = append(s.ContainerStatuses, cs)
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.UID}, "status": s})
	if err != nil {
		return fmt.Errorf("encode a pod status: %w", err)
	}
	_, err = n.client.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("report pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	n.w.count(ctx, "pod status", nil)
	return nil
}
