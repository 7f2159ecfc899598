//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/vedette-project/vedette/e2e/scenario"
)

// stream is somebody who calls the API server all the time, and now and then
// does what is a finding.
type stream struct {
	cancel          context.CancelFunc
	done            chan struct{}
	findingIn       int // calls for each finding
	calls, bindings int
	err             error
}

const streamPause = 25 * time.Millisecond

// startStream starts it. The longer the outage, the rarer are its findings: of
// more than 200 of a type in a day the rest would be told in one.
func (b *bed) startStream(ctx context.Context, t *testing.T, outage time.Duration) *stream {
	t.Helper()
	client, err := b.c.Client(scenario.Tester(), "kubectl/v1.34.4 (linux/amd64) kubernetes/0000000")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{cancel: cancel, done: make(chan struct{}), findingIn: 40 * max(1, int(outage/(2*time.Minute)))}
	go func() {
		defer close(s.done)
		for s.err == nil && ctx.Err() == nil {
			s.err = s.call(client)
			time.Sleep(streamPause)
		}
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	return s
}

// call makes one call, which is not given up in its middle.
func (s *stream) call(client kubernetes.Interface) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	name := fmt.Sprintf("stream-%05d", s.calls)
	switch {
	case s.calls%s.findingIn == 0:
		_, err = client.RbacV1().RoleBindings("other").Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default", Namespace: "other"}},
		}, metav1.CreateOptions{})
		s.bindings++
	case s.calls%3 == 0:
		_, err = client.CoreV1().ConfigMaps("other").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"n": name}}, metav1.CreateOptions{})
	default:
		_, err = client.CoreV1().Pods("other").List(ctx, metav1.ListOptions{})
	}
	s.calls++
	if err != nil {
		return fmt.Errorf("call %d: %w", s.calls, err)
	}
	return nil
}

// stop ends it and says what it did.
func (s *stream) stop(t *testing.T) (calls, bindings int) {
	t.Helper()
	s.cancel()
	<-s.done
	if s.err != nil {
		t.Error(s.err)
	}
	return s.calls, s.bindings
}

// sameFindings wants the API to have the findings that a scan of the log has,
// one for each act of the stream among them. Two things the log does not have:
// what the sensor saw, and sequences, which are told when their records come.
func (b *bed) sameFindings(ctx context.Context, t *testing.T, log string, bindings int) {
	found := 0
	for _, f := range b.findings(ctx, t) {
		if aws.ToString(f.Type) == scenario.AdminToDefaultSA {
			found++
		}
	}
	if found != bindings {
		t.Errorf("%d findings of the stream, want %d", found, bindings)
	}
	diffs := slices.DeleteFunc(b.disagreements(ctx, t, log), func(d string) bool {
		return strings.Contains(d, ":Runtime/") || strings.Contains(d, "type AttackSequence:")
	})
	for _, d := range diffs {
		t.Error(d)
	}
}
