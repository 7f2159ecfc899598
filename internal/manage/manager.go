package manage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/store"
)

// Options are what the manager of a cluster needs; all fields are required
// unless said otherwise.
type Options struct {
	Client *kube.Client
	// Sensor is what is to run there; its CA is Authority's. Nil: Vedette keeps
	// no sensor in this cluster, and asks of its nodes nothing.
	Sensor *Sensor
	// Authority is that of the server's certificate, PEM, as it is at the moment; it
	// may be empty.
	Authority func() []byte
	// AuthorityNamespace and AuthorityName are of the ConfigMap that it is
	// written to; "" is none.
	AuthorityNamespace, AuthorityName string
	Now                               func() time.Time
}

// Manager keeps the sensor of one cluster. It is for one goroutine.
type Manager struct {
	Options
	nodes nodeList
}

// New returns a manager; it has asked nobody yet.
func New(o Options) *Manager { return &Manager{Options: o} }

// Fault is why something cannot be as it should: of what kind, and the details.
type Fault struct{ Kind, Detail string }

func (f *Fault) Error() string { return f.Kind + ":" + f.Detail }

// Wish is what is to become of the sensor of a cluster.
type Wish int

// What can be wished. A store that is new, such as after the loss of the one
// before, knows of no wish: that is no order to take away what runs.
const (
	Leave  Wish = iota // as it is: nobody decided
	Keep               // installed, and as it should be
	Remove             // away
)

// Reconcile makes the cluster as is wished, and fills in what it found there.
// Its error is that of the first thing that failed; what can be done in spite of
// it is done. The status' Fault says the same in words for the coverage.
func (m *Manager) Reconcile(ctx context.Context, wish Wish, c *store.Cluster) error {
	defer func() { c.Skew = m.Client.Skew() }()
	var errs []error
	c.Managed, c.Wanted, c.Left, c.At = m.Sensor != nil, wish == Keep, wish == Leave, m.Now().UTC()
	if err := m.writeAuthority(ctx); err != nil {
		errs = append(errs, fmt.Errorf("write the authority into the ConfigMap %s/%s: %w", m.AuthorityNamespace, m.AuthorityName, err))
	}
	if m.Sensor == nil {
		c.Fault = faultOf(errors.Join(errs...))
		return errors.Join(errs...)
	}
	c.Sensor = store.ClusterSensor{Namespace: m.Sensor.Namespace, Name: m.Sensor.Name}
	var err error
	switch wish {
	case Leave:
		err = m.find(ctx, &c.Sensor)
	case Keep:
		err = m.install(ctx, &c.Sensor)
	case Remove:
		err = m.remove(ctx, &c.Sensor)
	}
	errs = append(errs, err)
	if err := m.look(ctx, c); err != nil {
		errs = append(errs, err)
	}
	err = errors.Join(errs...)
	c.Fault = faultOf(err)
	return err
}

// faultOf puts an error into the words of the coverage.
func faultOf(err error) string {
	var fault *Fault
	var away *kube.UnreachableError
	var refused *kube.StatusError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &fault):
		return fault.Error()
	case errors.As(err, &away):
		return "API server not reached:" + kube.Plain(away.Error(), maxText)
	case errors.As(err, &refused):
		return "API server refuses:" + kube.Plain(refused.Error(), maxText)
	}
	return "Sensor not managed:" + kube.Plain(err.Error(), maxText)
}

// maxText bounds texts that come from a cluster.
const maxText = 400
