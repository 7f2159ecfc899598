package main

import (
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// build is what a binary says of itself. The Go command stamps it: no flag of
// the linker can make a binary claim to be a release.
type build struct {
	Version string `json:"version"`
	// Release is false for what was built from anything but a tag of a version.
	Release  bool   `json:"release"`
	Commit   string `json:"commit,omitempty"` // not known to `go install`
	Date     string `json:"date,omitempty"`   // of the commit, RFC 3339
	Modified bool   `json:"modified"`         // files differ from the commit
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	// KernelObjects are the SHA-256 of what the sensor loads into the kernel.
	KernelObjects map[string]string `json:"kernelObjects,omitempty"`
}

// version is the module's version as the Go command stamped it, or the commit
// it was built from.
func version() string { return thisBuild().Version }

func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
}

// released are the versions that are tags; all others are made of a commit.
var released = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(alpha|beta|rc)\.(0|[1-9]\d*))?$`)

func buildOf(info *debug.BuildInfo) build {
	b := build{Version: info.Main.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, KernelObjects: kernel.Objects()}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
		if len(b.Commit) >= 12 {
			b.Version += "-" + b.Commit[:12]
		}
	}
	b.Release = released.MatchString(b.Version) && !b.Modified
	return b
}

func versionCommand(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints the version, the commit and its date, the Go version, and the SHA-256 of the
programs that the sensor loads into the kernel. What was not built from a tag of
a version says that it is a development build. A binary made by "go install"
knows its version, but not the commit.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			b := thisBuild()
			if output == "table" {
				return p.build(b)
			}
			return p.value(b)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// build prints the version in one line, and what else is known below.
func (p *printer) build(b build) error {
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "vedette %s (%s %s/%s)\n", b.Version, b.Go, b.OS, b.Arch)
	if !b.Release {
		fmt.Fprintln(tw, "development build\tthis is no release")
	}
	if b.Commit != "" {
		modified := ""
		if b.Modified {
			modified = ", with changes"
		}
		fmt.Fprintf(tw, "commit\t%s of %s%s\n", b.Commit, b.Date, modified)
	}
	for _, name := range slices.Sorted(maps.Keys(b.KernelObjects)) {
		fmt.Fprintf(tw, "kernel object %s\tsha256:%s\n", name, b.KernelObjects[name])
	}
	return tw.Flush()
}

func outputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "table", "how to print: table, json, jsonl, yaml")
}
