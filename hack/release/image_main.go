package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// defaultName is what the image is called.
const defaultName = "ghcr.io/vedette-project/vedette"

// imageMain makes the container image of any commit.
func imageMain(ctx context.Context, args []string, out, progress io.Writer) error {
	f := flags("image", progress)
	dir := f.String("source", "../..", "root of the checkout")
	to := f.String("out", "", "folder for the image, which is made or empty")
	version := f.String("version", "", "tag of the image (default: what the program says of itself)")
	arches := f.String("arch", "amd64,arm64", "architectures")
	name := f.String("name", defaultName, "name of the image, with its registry")
	push := f.String("push", "", "push it as this, such as registry.internal/vedette:1.0, as docker login allows")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := noMore(f); err != nil {
		return err
	}
	s, err := openSource(ctx, *dir)
	if err != nil {
		return err
	}
	o, err := newOutputs(*to)
	if err != nil {
		return err
	}
	var of []platform
	for arch := range strings.SplitSeq(*arches, ",") {
		of = append(of, platform{"linux", strings.TrimSpace(arch)})
	}
	programs, done, err := s.buildAll(ctx, of, progress)
	if err != nil {
		return err
	}
	defer done()
	if *version == "" {
		*version = programs[0].version
	}
	im, err := s.makeImage(ctx, o, *name, *version, programs)
	if err != nil {
		return err
	}
	if *push != "" {
		if err := im.push(ctx, *push); err != nil {
			return err
		}
	}
	text, err := im.digests()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, text)
	return err
}

// buildAll builds the program for some platforms, one after the other: the Go
// command uses all processors itself. done removes what it made.
func (s *source) buildAll(ctx context.Context, of []platform, progress io.Writer) (programs []*program, done func(), err error) {
	dir, done, err := temporary()
	if err != nil {
		return nil, nil, err
	}
	for _, p := range of {
		fmt.Fprintf(progress, "building for %s\n", p)
		b, err := s.build(ctx, p, dir)
		if err != nil {
			done()
			return nil, nil, err
		}
		programs = append(programs, b)
	}
	return programs, done, nil
}

// temporary is a folder that done removes.
func temporary() (dir string, done func(), err error) {
	dir, err = os.MkdirTemp("", "vedette-release-")
	return dir, func() { _ = os.RemoveAll(dir) }, err // the system clears it, too
}

// goroot is where the Go that builds has its own files.
func (s *source) goroot(ctx context.Context) (string, error) {
	out, err := s.output(ctx, []string{"GOTOOLCHAIN=" + toolchain()}, "go", "env", "GOROOT")
	return strings.TrimSpace(out), err
}

// makeImage makes the image and writes all files about it.
func (s *source) makeImage(ctx context.Context, o *outputs, name, version string, programs []*program) (*image, error) {
	goroot, err := s.goroot(ctx)
	if err != nil {
		return nil, err
	}
	im, err := newImage(s, name, version, programs, goroot)
	if err != nil {
		return nil, err
	}
	stem := "vedette_" + im.tag + "_image"
	layout, err := im.layout()
	if err != nil {
		return nil, err
	}
	if err := o.tar(stem+".oci.tar", layout, s); err != nil {
		return nil, err
	}
	for _, p := range im.images {
		load, err := im.loadable(p)
		if err != nil {
			return nil, err
		}
		of := stem + "_" + p.os + "_" + p.arch
		if err := o.tar(of+".tar", load, s); err != nil {
			return nil, err
		}
		if err := o.write(of+".cdx.json", p.sbom); err != nil {
			return nil, err
		}
	}
	if err := o.write(stem+"_provenance.json", im.artifacts[len(im.artifacts)-1].document); err != nil {
		return nil, err
	}
	digests, err := im.digests()
	if err != nil {
		return nil, err
	}
	return im, o.write(stem+"_digests.txt", []byte(digests))
}

// tar writes a layout as one file.
func (o *outputs) tar(name string, b blobs, s *source) error {
	if err := writeTar(o.path(name), b.files(), s.date); err != nil {
		return err
	}
	return o.note(name)
}
