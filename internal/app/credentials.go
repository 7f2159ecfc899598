package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// CredentialsFile holds the access key that the first start made.
const CredentialsFile = "admin-credentials.env"

// firstKey makes an admin key when there never was one, and writes it where
// only the operator can read it. Keys for pushes may be older than the server.
func (a *App) firstKey(ctx context.Context) error {
	list, err := a.keys.List(ctx)
	isAdmin := func(k store.Key) bool { return k.Role == string(access.RoleAdmin) }
	if err != nil || slices.ContainsFunc(list, isAdmin) {
		return err
	}
	key, err := a.keys.Create(ctx, access.RoleAdmin, "made by the first start")
	if err != nil {
		return fmt.Errorf("make the first access key: %w", err)
	}
	path := filepath.Join(a.Config.Store.DataDir, CredentialsFile)
	if err := os.WriteFile(path, []byte(Env(key, a.Config.Region)), 0o600); err != nil {
		return fmt.Errorf("write the first access key: %w", err)
	}
	a.Log.Info("the first access key was made; load it with: . "+path, "file", path, "role", string(key.Role))
	a.first, err = a.keys.Link(ctx, access.RoleAdmin, "first-start", "")
	return err
}

// Env prints a key as lines for a shell.
func Env(k access.Key, region string) string {
	out := "export AWS_ACCESS_KEY_ID=" + k.ID + "\nexport AWS_SECRET_ACCESS_KEY=" + k.Secret + "\nexport AWS_DEFAULT_REGION=" + region + "\n"
	if k.Role.May(access.RightPush) {
		out += "export VEDETTE_INGEST_TOKEN=" + k.Token() + "\n"
	}
	return out
}
