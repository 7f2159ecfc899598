// Vedette is open, self-hosted threat detection for Kubernetes and AWS: one
// binary that reads the logs, finds the threats and speaks the GuardDuty API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the three standard streams; tests bring their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes of the command-line contract.
const (
	exitOK     = 0
	exitError  = 1
	exitFailOn = 3 // scan --fail-on: something that severe was found
)

// exitCode is an error that only sets the exit code; it was reported already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func run(ctx context.Context, args []string, s streams) int {
	root := rootCommand(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, syscall.EPIPE): // the reader of our output has had enough
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	// An error repeats what others wrote: names in logs, rules and files.
	fmt.Fprintln(s.err, "vedette:", cleanLines(err.Error()))
	return exitError
}

func rootCommand(s streams) *cobra.Command {
	root := group(&cobra.Command{
		Use:           "vedette",
		Short:         "Threat detection for Kubernetes and AWS",
		Long:          "Vedette finds threats in Kubernetes audit logs, CloudTrail, VPC flow logs, DNS query logs and what its sensor sees on nodes, and tells of them in the GuardDuty format.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}, scanCommand(s), learnCommand(s), evaluateCommand(s), backtestCommand(s), serveCommand(s), simulateCommand(s), catalogCommand(s), findingsCommand(s), suppressionsCommand(s), sequencesCommand(s), keysCommand(s), auditCommand(s),
		kubeCommand(s), sensorCommand(s), intelCommand(s), rulesCommand(s), storeCommand(s), backupCommand(s), restoreCommand(s), publishCommand(s), pushCommand(s), configCommand(s), doctorCommand(s), versionCommand(s), manCommand(s))
	root.SetFlagErrorFunc(flagError)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			group(c)
		}
	}
	return root
}
