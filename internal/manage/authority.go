package manage

import (
	"context"

	"github.com/vedette-project/vedette/internal/kube"
)

// writeAuthority puts the authority of the server's certificate where the pods
// of the cluster find it. The ConfigMap may hold more, of others: only the key
// is Vedette's.
func (m *Manager) writeAuthority(ctx context.Context) error {
	authority := string(m.Authority())
	if m.AuthorityName == "" || authority == "" {
		return nil
	}
	at := kube.ConfigMap(m.AuthorityNamespace, m.AuthorityName)
	var is live
	if err := m.Client.Get(ctx, at, &is); err != nil && !kube.IsNotFound(err) {
		return err
	}
	if is.Data[authorityKey] == authority {
		return nil
	}
	return m.Client.Apply(ctx, at, object{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": m.AuthorityName, "namespace": m.AuthorityNamespace},
		"data":     map[string]any{authorityKey: authority},
	}, true, nil)
}
