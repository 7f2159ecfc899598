package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"

	"aead.dev/minisign"
)

// release is what releaseMain was told.
type release struct {
	source    *source
	version   string
	name      string
	charts    string
	platforms []platform
	key       minisign.PrivateKey
	out       *outputs
	progress  io.Writer
}

// releaseMain makes everything of a version.
func releaseMain(ctx context.Context, args []string, out, progress io.Writer) error {
	f := flags("release", progress)
	dir := f.String("source", "../..", "root of the checkout")
	to := f.String("out", "", "folder for the release, which is made or empty")
	version := f.String("version", "", "version, such as v0.2.0; its tag must be that of the commit")
	keyFile := f.String("key", "", "secret key of minisign")
	password := f.String("password-file", "", "file with the password of the key")
	list := f.String("platforms", "", "only some of the platforms, such as linux/amd64,darwin/arm64")
	registry := f.String("registry", "ghcr.io/vedette-project", "where image (/vedette) and chart (/charts/vedette) are")
	push := f.Bool("push", false, "push image and chart there, as docker login allows")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := noMore(f); err != nil {
		return err
	}
	r := &release{version: *version, name: *registry + "/vedette", charts: *registry + "/charts/vedette", platforms: platforms(), progress: progress}
	var err error
	if *list != "" {
		if r.platforms, err = parsePlatforms(*list); err != nil {
			return err
		}
	}
	if r.source, err = openSource(ctx, *dir); err != nil {
		return err
	}
	if err := r.source.fit(r.version); err != nil {
		return err
	}
	if r.key, err = readKey(*keyFile, *password); err != nil {
		return err
	}
	if err := r.source.fitKey(r.key); err != nil {
		return err
	}
	if r.out, err = newOutputs(*to); err != nil {
		return err
	}
	im, c, err := r.make(ctx)
	if err != nil {
		return err
	}
	if *push {
		if err := im.push(ctx, r.name); err != nil {
			return err
		}
		if err := pushChart(ctx, c, r.charts); err != nil {
			return err
		}
	}
	_, err = out.Write(r.out.list())
	return err
}

// make builds everything, writes it and signs it.
func (r *release) make(ctx context.Context) (*image, *chart, error) {
	programs, done, err := r.source.buildAll(ctx, r.platforms, r.progress)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if err := r.sayVersion(programs); err != nil {
		return nil, nil, err
	}
	if err := r.archives(ctx, programs); err != nil {
		return nil, nil, err
	}
	c, err := r.source.packChart(r.version)
	if err != nil {
		return nil, nil, err
	}
	if err := c.verify(); err != nil {
		return nil, nil, err
	}
	if err := r.out.write(c.file(), c.archive); err != nil {
		return nil, nil, err
	}
	notes, err := r.source.notes(r.version)
	if err != nil {
		return nil, nil, err
	}
	if err := r.out.write("RELEASE-NOTES.md", []byte(notes+"\n")); err != nil {
		return nil, nil, err
	}
	// What was written until here is files; images have a provenance of their own.
	document, err := provenanceOf(r.source, r.version, programs, r.out.subjects())
	if err != nil {
		return nil, nil, err
	}
	if err := r.out.write("vedette_"+tagOf(r.version)+"_provenance.json", document); err != nil {
		return nil, nil, err
	}
	im, err := r.image(ctx, programs)
	if err != nil {
		return nil, nil, err
	}
	return im, c, r.out.sign(r.key, r.version)
}

// sayVersion makes sure that each program says the version that it is released as.
func (r *release) sayVersion(programs []*program) error {
	for _, p := range programs {
		if p.version != r.version {
			return fmt.Errorf("the program for %s says of itself that it is %s, not %s: the Go command takes that from the tags of the commit", p, p.version, r.version)
		}
	}
	return nil
}

// archives packs each program, and writes its bill of materials.
func (r *release) archives(ctx context.Context, programs []*program) error {
	here := slices.IndexFunc(programs, func(p *program) bool { return p.os == runtime.GOOS && p.arch == runtime.GOARCH })
	if here < 0 {
		return fmt.Errorf("-platforms must name %s/%s, too: its program prints the manual pages", runtime.GOOS, runtime.GOARCH)
	}
	scratch, done, err := temporary()
	if err != nil {
		return err
	}
	defer done()
	extra, err := extras(ctx, programs[here], scratch)
	if err != nil {
		return err
	}
	goroot, err := r.source.goroot(ctx)
	if err != nil {
		return err
	}
	for _, p := range programs {
		fmt.Fprintf(r.progress, "packing for %s\n", p)
		name, data, err := p.archive(r.version, goroot, extra)
		if err != nil {
			return fmt.Errorf("pack for %s: %w", p, err)
		}
		if err := r.out.write(name, data); err != nil {
			return err
		}
		l, err := licencesOf(p.packages, goroot)
		if err != nil {
			return err
		}
		bom, err := p.sbom(l)
		if err != nil {
			return err
		}
		if err := r.out.write(p.stem(r.version)+".cdx.json", bom); err != nil {
			return err
		}
	}
	return nil
}

// image makes the image of the programs for Linux.
func (r *release) image(ctx context.Context, programs []*program) (*image, error) {
	var linux []*program
	for _, p := range programs {
		if p.os == "linux" {
			linux = append(linux, p)
		}
	}
	if len(linux) == 0 {
		return nil, fmt.Errorf("-platforms names no linux: there would be no image")
	}
	fmt.Fprintln(r.progress, "making the image")
	return r.source.makeImage(ctx, r.out, r.name, r.version, linux)
}
