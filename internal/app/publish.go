package app

import (
	"fmt"
	"os"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

var _ publish.Store = (*store.Store)(nil)

// PublishFile is the name of the target that publish.file is.
const PublishFile = "file"

// startPublishing begins to send changes to where they are wanted.
func (a *App) startPublishing() error {
	c := a.Config.Publish
	if c.File == "" {
		return nil
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("publish.file: %w", err)
	}
	f.Close()
	follower := publish.NewFollower(publish.Options{
		Name: PublishFile, Store: a.keys.store, Target: publish.File{Path: c.File}, Account: a.Config.Account, Region: a.Config.Region,
		May:   func() bool { _, first := a.worker.Held(); return first },
		Sleep: pause, Log: a.Log,
	})
	a.background("end publishing", follower.Run)
	return nil
}
