package manage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/store"
)

// What is written on the objects that Vedette makes.
const (
	managedLabel = "app.kubernetes.io/managed-by"
	managedValue = "vedette"
	// digestKey is the annotation that says of which form the object is.
	digestKey = "vedette/sha256"
)

// live is an object as the API server has it.
type live struct {
	Metadata struct {
		UID           string            `json:"uid"`
		Generation    int64             `json:"generation"`
		Labels        map[string]string `json:"labels"`
		Annotations   map[string]string `json:"annotations"`
		Created       time.Time         `json:"creationTimestamp"`
		Deleted       time.Time         `json:"deletionTimestamp"`
		ManagedFields []managedField    `json:"managedFields"`
	} `json:"metadata"`
	Spec   any               `json:"spec"`
	Data   map[string]string `json:"data"`
	Status struct {
		Observed int64 `json:"observedGeneration"`
		Desired  int   `json:"desiredNumberScheduled"`
		Ready    int   `json:"numberReady"`
		Updated  int   `json:"updatedNumberScheduled"`
	} `json:"status"`
}

// ours reports whether Vedette made the object.
func (l *live) ours() bool { return l.Metadata.Labels[managedLabel] == managedValue }

// install has the sensor be there as it should.
func (m *Manager) install(ctx context.Context, status *store.ClusterSensor) error {
	owner, err := m.owner(ctx)
	if err != nil {
		return err
	}
	s := *m.Sensor
	s.CA = m.Authority()
	if len(s.CA) > 0 {
		if err := m.keepConfigMap(ctx, &s, owner); err != nil {
			return err
		}
	}
	return m.keepDaemonSet(ctx, &s, owner, status)
}

// owner is a reference to the sensor's service account: with that, which the
// installer made, goes what Vedette made.
func (m *Manager) owner(ctx context.Context) ([]any, error) {
	var account live
	err := m.Client.Get(ctx, kube.ServiceAccount(m.Sensor.Namespace, m.Sensor.Name), &account)
	if kube.IsNotFound(err) {
		return nil, &Fault{"Sensor not installed", fmt.Sprintf("there is no service account %s/%s; who installs Vedette makes it: the chart with sensor.mode managed, or `vedette kube access`",
			m.Sensor.Namespace, m.Sensor.Name)}
	}
	if err != nil {
		return nil, err
	}
	return []any{map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "name": m.Sensor.Name, "uid": account.Metadata.UID}}, nil
}

func (m *Manager) keepConfigMap(ctx context.Context, s *Sensor, owner []any) error {
	at := kube.ConfigMap(s.Namespace, s.Name)
	want := s.configMap()
	want.mark(owner)
	var is live
	err := m.Client.Get(ctx, at, &is)
	switch {
	case kube.IsNotFound(err):
		return m.create(ctx, at, want, nil)
	case err != nil:
		return err
	case !is.ours():
		return foreign("ConfigMap", s, &is)
	case is.Data[authorityKey] == string(s.CA) && len(is.Data) == 1 && is.Metadata.Annotations[digestKey] == want.digest():
		return nil
	}
	want.pin(is.Metadata.UID)
	return m.Client.Apply(ctx, at, want, true, nil)
}

// keepDaemonSet makes the DaemonSet, or makes it what it should be: after an
// upgrade, or when somebody changed it.
func (m *Manager) keepDaemonSet(ctx context.Context, s *Sensor, owner []any, status *store.ClusterSensor) error {
	at := kube.DaemonSet(s.Namespace, s.Name)
	want, err := s.daemonSet()
	if err != nil {
		return err
	}
	want.mark(owner)
	var is live
	err = m.Client.Get(ctx, at, &is)
	switch {
	case kube.IsNotFound(err):
		is = live{}
		err = m.create(ctx, at, want, &is)
	case err != nil:
	case !is.ours():
		status.Foreign = true
		return foreign("DaemonSet", s, &is)
	case !is.Metadata.Deleted.IsZero(): // it goes, and is made again when it is gone
	case is.Metadata.Annotations[digestKey] != want.digest() || changedByOthers(&is) || !within(want["spec"], is.Spec):
		err = m.restore(ctx, at, want, &is)
	}
	is.describe(status)
	return err
}

// create makes an object that was not there. If somebody else made one of the
// name meanwhile, the two disagree, and that is an error rather than a take-over.
func (m *Manager) create(ctx context.Context, at kube.Path, want object, into *live) error {
	if into == nil {
		into = &live{}
	}
	return m.Client.Apply(ctx, at, want, false, into)
}

// restore makes the DaemonSet what it should be. Applying takes back what
// somebody else changed of Vedette's fields; what they added beside, such as a
// node selector, goes by replacing all of it.
func (m *Manager) restore(ctx context.Context, at kube.Path, want object, is *live) error {
	uid := is.Metadata.UID
	want.pin(uid)
	var next live
	if err := m.Client.Apply(ctx, at, want, true, &next); err != nil {
		return err
	}
	*is = next
	if !changedByOthers(is) {
		return nil
	}
	next = live{}
	err := m.Client.Patch(ctx, at, []kube.Operation{
		{Op: "test", Path: "/metadata/uid", Value: uid},
		{Op: "replace", Path: "/spec", Value: want["spec"]},
	}, &next)
	if err == nil {
		*is = next
	}
	return err
}

// foreign says that the name is taken.
func foreign(kind string, s *Sensor, is *live) error {
	by := "has no label " + managedLabel
	if v := is.Metadata.Labels[managedLabel]; v != "" {
		by = "is managed by " + kube.Plain(v, 63)
	}
	return &Fault{"Sensor not managed", fmt.Sprintf("the %s %s/%s was not made by Vedette (it %s) and is left alone; remove it, or give the managed sensor another name", kind, s.Namespace, s.Name, by)}
}

// mark writes on an object whose it is, and its digest.
func (o object) mark(owner []any) {
	meta := o["metadata"].(map[string]any)
	labels := map[string]any{managedLabel: managedValue}
	if has, ok := meta["labels"].(map[string]any); ok {
		maps.Copy(labels, has)
	}
	meta["labels"] = labels
	if len(owner) > 0 {
		meta["ownerReferences"] = owner
	}
	b, err := json.Marshal(o) // in the order of the keys
	if err != nil {
		return // of what was read from YAML there is nothing that it cannot write
	}
	sum := sha256.Sum256(b)
	meta["annotations"] = map[string]any{digestKey: hex.EncodeToString(sum[:])}
}

func (o object) digest() string {
	notes, _ := o["metadata"].(map[string]any)["annotations"].(map[string]any)
	s, _ := notes[digestKey].(string)
	return s
}

// pin lets the object be changed only as long as it is the same one.
func (o object) pin(uid string) { o["metadata"].(map[string]any)["uid"] = uid }
