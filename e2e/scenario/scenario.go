// Package scenario holds what people and attackers do to a cluster, each step
// with the findings that must come of it, or with none.
//
// The steps are data for two users: the end-to-end test plays them and
// compares, the recorder plays them to get an audit log.
package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
)

// Want is one expected finding. Empty fields are not compared.
type Want struct {
	Type         string `json:"type"`
	User         string `json:"user"`
	Impersonated string `json:"impersonated,omitempty"`
	Verb         string `json:"verb"`
	Path         string `json:"path"` // of the request URI, without query
	Namespace    string `json:"namespace,omitempty"`
	Resource     string `json:"resource,omitempty"`
	Subresource  string `json:"subresource,omitempty"`
	Name         string `json:"name,omitempty"`
	Code         int    `json:"code"`
	Workload     string `json:"workload,omitempty"` // TYPE/NAMESPACE/NAME, such as pods/default/web
	IP           string `json:"ip,omitempty"`
	ParamHas     string `json:"paramHas,omitempty"` // a piece of action.parameters
}

// Step is one thing somebody does.
type Step struct {
	Name string
	Do   func(context.Context, *Env) error
	Want []Want
}

// The finding types that steps expect.
const (
	ExecInKubeSystem = "Execution:Kubernetes/ExecInKubeSystemPod"
	AdminToDefaultSA = "Policy:Kubernetes/AdminAccessToDefaultServiceAccount"
	AnonymousGranted = "Policy:Kubernetes/AnonymousAccessGranted"
	AnonymousAccess  = "Discovery:Kubernetes/SuccessfulAnonymousAccess"
	ExposedDashboard = "Policy:Kubernetes/ExposedDashboard"
	Privileged       = "PrivilegeEscalation:Kubernetes/PrivilegedContainer"
	SensitiveMount   = "Persistence:Kubernetes/ContainerWithSensitiveMount"
)

// Severity is the documented severity of a finding type.
func Severity(findingType string) float64 {
	switch findingType {
	case AdminToDefaultSA, AnonymousGranted:
		return 8
	case AnonymousAccess, ExecInKubeSystem, ExposedDashboard, Privileged, SensitiveMount:
		return 5
	}
	return 0
}

// Env is what a step works with.
type Env struct {
	Cluster *cluster.Cluster
	Admin   *cluster.Kubectl // the creator of the cluster
	Tester  *cluster.Kubectl // another administrator
	Dev     *cluster.Kubectl // may edit the namespace app and nothing else
}

// Tester is an administrator by access entry; its user name is an ARN.
func Tester() identity.Actor {
	return identity.Actor{Role: "SecurityTester", Session: "tester@example.com", Groups: []string{"system:masters"}, IP: "203.0.113.50"}
}

// Dev is a developer.
func Dev() identity.Actor {
	return identity.Actor{Role: "Developer", Session: "dana@example.com", Groups: []string{"devs"}, IP: "198.51.100.77"}
}

// Anonymous is the address from which unauthenticated calls come.
const Anonymous = "192.0.2.99"

// NewEnv makes the actors' clients and the namespaces and roles that steps
// take for granted.
func NewEnv(ctx context.Context, c *cluster.Cluster) (*Env, error) {
	e := &Env{Cluster: c}
	for _, a := range []struct {
		actor identity.Actor
		to    **cluster.Kubectl
	}{{identity.Admin(), &e.Admin}, {Tester(), &e.Tester}, {Dev(), &e.Dev}} {
		k, err := c.Kubectl(a.actor)
		if err != nil {
			return nil, err
		}
		*a.to = k
	}
	if err := e.Admin.Apply(ctx, baseManifest, "apply", "-f", "-"); err != nil {
		return nil, fmt.Errorf("set the stage: %w", err)
	}
	for _, ns := range []string{"app", "other"} {
		if err := waitServiceAccount(ctx, e.Admin, ns); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"-n", "kube-system", "rollout", "status", "daemonset/kube-proxy", "--timeout=60s"},
		{"-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s"},
		{"-n", "app", "rollout", "status", "deployment/api", "--timeout=60s"},
	} {
		if err := e.Admin.Run(ctx, args...); err != nil {
			return nil, fmt.Errorf("set the stage: %w", err)
		}
	}
	return e, nil
}

// All is every step in order: the workshop, the vendor's tester, their
// variants, and the benign twins.
func All() []Step {
	var all []Step
	for _, group := range [][]Step{Lab(), VendorTester(), ExecVariants(), WorkloadVariants(), BindingVariants(), ServiceVariants(), Twins()} {
		all = append(all, group...)
	}
	return all
}

// do makes a step's function of kubectl calls by one actor, in order.
func do(who actor, calls ...[]string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		for _, args := range calls {
			if err := who(e).Run(ctx, args...); err != nil {
				return err
			}
		}
		return nil
	}
}

// apply makes a step's function of one kubectl call with a manifest.
func apply(who actor, manifest string, args ...string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error { return who(e).Apply(ctx, manifest, args...) }
}

// seq makes one function of several.
func seq(fs ...func(context.Context, *Env) error) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		for _, f := range fs {
			if err := f(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// refused wants the call to fail.
func refused(who actor, stdin string, args ...string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		r, err := who(e).Do(ctx, stdin, args...)
		if err == nil && r.Code == 0 {
			return fmt.Errorf("kubectl %v: was allowed, should have been refused", args)
		}
		return err
	}
}

func admin(e *Env) *cluster.Kubectl  { return e.Admin }
func tester(e *Env) *cluster.Kubectl { return e.Tester }
func dev(e *Env) *cluster.Kubectl    { return e.Dev }

// spdy is the admin with the exec protocol of kubectl before 1.31.
func spdy(e *Env) *cluster.Kubectl { return e.Admin.With("KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false") }

func adminName() string  { return identity.Admin().Name() }
func testerName() string { return Tester().Name() }

func waitServiceAccount(ctx context.Context, k *cluster.Kubectl, ns string) error {
	for range 100 {
		r, err := k.Do(ctx, "", "-n", ns, "get", "serviceaccount", "default")
		if err != nil {
			return err
		}
		if r.Code == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("namespace %s got no default service account", ns)
}
