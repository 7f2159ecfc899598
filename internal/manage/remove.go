package manage

import (
	"context"
	"errors"

	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/store"
)

// remove takes away what Vedette made, and nothing else.
func (m *Manager) remove(ctx context.Context, status *store.ClusterSensor) error {
	is, err := m.daemonSet(ctx, status)
	if is != nil {
		if is.Metadata.Deleted.IsZero() {
			err = m.delete(ctx, kube.DaemonSet(m.Sensor.Namespace, m.Sensor.Name), is.Metadata.UID)
		}
		status.Deleting = true
	}
	return errors.Join(err, m.removeConfigMap(ctx))
}

func (m *Manager) removeConfigMap(ctx context.Context) error {
	at := kube.ConfigMap(m.Sensor.Namespace, m.Sensor.Name)
	var is live
	err := m.Client.Get(ctx, at, &is)
	if kube.IsNotFound(err) || err == nil && (!is.ours() || !is.Metadata.Deleted.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.delete(ctx, at, is.Metadata.UID)
}

// delete removes an object if it is still the one that was looked at.
func (m *Manager) delete(ctx context.Context, at kube.Path, uid string) error {
	if err := m.Client.Delete(ctx, at, uid); err != nil && !kube.IsNotFound(err) {
		return err
	}
	return nil
}
