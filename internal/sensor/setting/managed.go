package setting

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Set are the flags that a managed sensor has from the server: the node's name
// is each pod's own, and to print records is not to send them.
func Set() []string {
	return []string{"--server", "--cluster", "--token-file", "--ca-file", "--host-root", "--data-dir", "--node", "--stdout"}
}

// CheckManaged says why an argument cannot be one more of a managed sensor: what the
// sensor would refuse, which would end each time that it is started, or what the
// server sets.
func CheckManaged(arg string) error {
	name, _, _ := strings.Cut(arg, "=")
	switch {
	case !strings.HasPrefix(arg, "--") || len(name) < 3:
		return errors.New("an argument is a flag with its value, such as --cpu-limit=300m")
	case slices.Contains(Set(), name):
		return errors.New("this server sets the flag itself")
	case name == "--help":
		return errors.New("a sensor that prints its flags does nothing else")
	}
	f, err := parse(arg)
	if err != nil {
		return fmt.Errorf("%w; `vedette sensor --help` lists the flags", err)
	}
	_, err = f.Read()
	return err
}

func parse(args ...string) (*Flags, error) {
	var f Flags
	cmd := &cobra.Command{}
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	f.Register(cmd)
	return &f, cmd.ParseFlags(args)
}

// CheckManagedAll says what is wrong with arguments together that are right each
// by itself.
func CheckManagedAll(args []string) error {
	f, err := parse(args...)
	if err != nil {
		return nil // one of them is not right
	}
	return f.Uplink.CheckPair()
}
