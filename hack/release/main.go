package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: go run . image   -out DIR [-version V] [-arch amd64,arm64] [-name NAME] [-push REF]
       go run . release -out DIR -version vX.Y.Z -key FILE [-password-file FILE] [-registry R] [-push]
       go run . check   -version vX.Y.Z

image makes the container image of any commit, release everything of a version,
check says whether the checkout is fit to be that version. Options: go run . image -h`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "image":
		return imageMain(ctx, args[1:], out, progress)
	case "release":
		return releaseMain(ctx, args[1:], out, progress)
	case "check":
		return checkMain(ctx, args[1:], out)
	}
	return fmt.Errorf("there is no command %q\n%s", args[0], usage)
}

// flags makes a set that prints where errors go.
func flags(name string, progress io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(progress)
	return f
}

// noMore refuses what is no flag.
func noMore(f *flag.FlagSet) error {
	if f.NArg() > 0 {
		return fmt.Errorf("%s takes no arguments, but was given %q", f.Name(), f.Arg(0))
	}
	return nil
}
