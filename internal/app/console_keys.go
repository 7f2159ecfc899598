package app

import (
	"context"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/store"
)

var _ console.Keyring = keyring{}

// keyring has the console make and end keys in the name of who is logged in.
type keyring struct{ keys *Keys }

// as are the keys as somebody changes them.
func (k keyring) as(by console.Actor) *Keys {
	keys := *k.keys
	keys.actor, keys.role, keys.source = by.Name, by.Role, by.Source
	return &keys
}

func (k keyring) Keys(ctx context.Context) ([]store.Key, error) { return k.keys.List(ctx) }

func (k keyring) CreateKey(ctx context.Context, by console.Actor, role access.Role, account, comment string) (access.Key, error) {
	return k.as(by).CreateFor(ctx, role, account, comment)
}

func (k keyring) RevokeKey(ctx context.Context, by console.Actor, id string) error {
	as := k.as(by)
	return as.store.RevokeKey(ctx, id, as.entry("RevokeAccessKey", id, ""))
}

func (k keyring) LoginLink(ctx context.Context, by console.Actor, role access.Role, name, account string) (string, error) {
	return k.as(by).Link(ctx, role, name, account)
}

// consoleTargets are the names and types of what findings are published to;
// where they are and how they are reached may be secret.
func (a *App) consoleTargets() (out []console.Target) {
	if a.Config.Publish.File != "" {
		out = append(out, console.Target{Name: PublishFile, Type: "file"})
	}
	for _, t := range a.Config.Publish.Targets {
		out = append(out, console.Target{Name: t.Name, Type: t.Type})
	}
	return out
}
