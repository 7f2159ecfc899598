package app

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/store"
)

// enrollEvery is how often new accounts are looked for.
const enrollEvery = 30 * time.Second

// enrollAccounts makes members of the accounts of which records come, if the
// organization says so. Of several processes one does.
func (a *App) enrollAccounts(ctx context.Context) {
	for pause(ctx, enrollEvery) == nil {
		if _, first := a.worker.Held(); !first {
			continue
		}
		if err := a.enroll(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("new accounts could not be taken in", "err", err)
		}
	}
}

func (a *App) enroll(ctx context.Context) error {
	now := a.Now()
	made, err := api.Enroll(ctx, a.keys.store, a.Config.Account, a.Config.Region, now)
	if err != nil {
		return err
	}
	for _, account := range made {
		a.Log.Info("an account became a member of the organization", "account", account)
		_, err := a.keys.store.BeginAudit(ctx, store.AuditEntry{At: now.UTC(), Actor: "server", Operation: "EnrollAccount", Target: account, Account: a.Config.Account, Status: 200})
		if err != nil {
			return err
		}
	}
	return nil
}
