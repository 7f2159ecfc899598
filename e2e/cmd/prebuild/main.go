// Command prebuild builds the Kubernetes programs into the cache, so that the
// tests find them there. It needs no privileges.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/vedette-project/vedette/e2e/build"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	module, err := build.ModuleDir(ctx)
	if err == nil {
		var bin build.Binaries
		if bin, err = build.Kubernetes(ctx, module, os.Stderr); err == nil {
			fmt.Println(bin.Dir)
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, "prebuild:", err)
	return 1
}
