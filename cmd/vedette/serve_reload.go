package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/vedette-project/vedette/internal/app"
)

// reloadOnHangup has the rules read again with each SIGHUP, until the function
// returned is called.
func reloadOnHangup(a *app.App) (stop func()) {
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				a.ReloadRules()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
