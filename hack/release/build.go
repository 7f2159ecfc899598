package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// platform is what a program runs on.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// platforms are those of a release.
func platforms() []platform {
	return []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
}

func parsePlatforms(list string) (out []platform, err error) {
	for name := range strings.SplitSeq(list, ",") {
		system, arch, ok := strings.Cut(strings.TrimSpace(name), "/")
		if !ok || system == "" || arch == "" {
			return nil, fmt.Errorf("-platforms: %q is no platform, such as linux/amd64", name)
		}
		out = append(out, platform{system, arch})
	}
	return out, nil
}

// program is a binary that was built.
type program struct {
	platform
	source   *source
	path     string
	sha256   string // hexadecimal
	version  string // that it says of itself
	info     *debug.BuildInfo
	packages []linked
}

// environment is that of the Go command: what would change the bytes has one
// value, whatever the machine's settings are.
func (p platform) environment() []string {
	return []string{
		"GOOS=" + p.os, "GOARCH=" + p.arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off",
		"GOEXPERIMENT=", "GOFIPS140=off", "GOTOOLCHAIN=" + toolchain(),
	}
}

// toolchain is the Go that runs this program: it builds the release, too.
func toolchain() string {
	name, _, _ := strings.Cut(runtime.Version(), " ")
	return name
}

// arguments are those of the Go command.
func arguments(out string) []string {
	return []string{"build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", out, "./cmd/vedette"}
}

// build builds the program for a platform into a folder.
func (s *source) build(ctx context.Context, p platform, dir string) (*program, error) {
	path := filepath.Join(dir, p.os+"_"+p.arch, "vedette")
	if p.os == "windows" {
		path += ".exe"
	}
	if _, err := s.output(ctx, p.environment(), "go", arguments(path)...); err != nil {
		return nil, fmt.Errorf("build for %s: %w", p, err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("build for %s: %w", p, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	b := &program{platform: p, source: s, path: path, sha256: hex.EncodeToString(sum[:]), version: info.Main.Version, info: info}
	if b.packages, err = s.linked(ctx, p); err != nil {
		return nil, err
	}
	return b, nil
}

// linked is one package that is part of a program.
type linked struct {
	module, version  string
	moduleDir, dir   string
	standard, ofOurs bool
}

// linked lists what is compiled into the program.
func (s *source) linked(ctx context.Context, p platform) ([]linked, error) {
	const format = `{{if .Standard}}std	{{.Dir}}{{else}}{{.Module.Path}}	{{.Module.Version}}	{{.Module.Dir}}	{{.Dir}}{{end}}`
	out, err := s.output(ctx, p.environment(), "go", "list", "-deps", "-f", format, "./cmd/vedette")
	if err != nil {
		return nil, fmt.Errorf("list what is linked for %s: %w", p, err)
	}
	var all []linked
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case len(f) == 2:
			all = append(all, linked{module: "std", version: toolchain(), dir: f[1], standard: true})
		case len(f) == 4:
			all = append(all, linked{module: f[0], version: f[1], moduleDir: f[2], dir: f[3], ofOurs: f[0] == module})
		default:
			return nil, fmt.Errorf("go list said %q", line)
		}
	}
	return all, nil
}

var versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(alpha|beta|rc)\.(0|[1-9]\d*))?$`)

// tagOf is a version as names of images have it: without the v, and with
// characters that are allowed.
func tagOf(version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(version, "v"), "+", "-")
}
