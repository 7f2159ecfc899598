package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image is the container image of all architectures, and what is said of it.
type image struct {
	name      string // ghcr.io/vedette-project/vedette
	tag       string
	index     v1.ImageIndex
	images    []platformImage
	artifacts []artifact // that refer to it
}

// platformImage is the image of one platform.
type platformImage struct {
	platform
	v1.Image
	sbom []byte
}

// baseTime is that of the files that no release changes.
func baseTime() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// newImage makes the image of some programs.
func newImage(s *source, name, version string, programs []*program, goroot string) (*image, error) {
	base, err := baseFiles()
	if err != nil {
		return nil, err
	}
	baseLayer, err := layer(base, baseTime())
	if err != nil {
		return nil, err
	}
	im := &image{name: name, tag: tagOf(version)}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	labels := s.labels(version)
	for _, p := range programs {
		one, err := p.image(baseLayer, labels, goroot)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", p, err)
		}
		im.images = append(im.images, one)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one.Image, Descriptor: v1.Descriptor{Platform: one.descriptor()}})
	}
	im.index = mutate.Annotations(index, labels).(v1.ImageIndex)
	return im, im.describe(s, version, programs)
}

// labels say what the image is, in the words of the OCI.
func (s *source) labels(version string) map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title": "Vedette", prefix + "description": "Threat detection for Kubernetes and AWS",
		prefix + "version": tagOf(version), prefix + "revision": s.commit, prefix + "created": s.date.Format(time.RFC3339),
		prefix + "source": repository, prefix + "url": repository, prefix + "documentation": repository + "/tree/main/docs",
		prefix + "licenses": "Apache-2.0", prefix + "vendor": "The Vedette project",
	}
}

// image makes the image of one program.
func (p *program) image(base v1.Layer, labels map[string]string, goroot string) (platformImage, error) {
	out := platformImage{platform: p.platform}
	texts, l, err := p.documents(goroot)
	if err != nil {
		return out, err
	}
	files := []treeFile{{name: "usr/local/bin/vedette", mode: 0o755, from: p.path}}
	for _, f := range texts {
		f.name = "usr/share/doc/vedette/" + f.name
		files = append(files, f)
	}
	own, err := layer(files, p.source.date)
	if err != nil {
		return out, err
	}
	roots, err := authorities()
	if err != nil {
		return out, err
	}
	if out.sbom, err = p.sbom(l, authoritiesComponent(roots)); err != nil {
		return out, err
	}
	empty := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(empty,
		mutate.Addendum{Layer: base, History: history("certificate authorities, users and folders", baseTime())},
		mutate.Addendum{Layer: own, History: history("vedette "+p.version, p.source.date)})
	if err != nil {
		return out, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return out, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.os, p.arch, out.descriptor().Variant
	config.Created = v1.Time{Time: p.source.date}
	config.Config = v1.Config{
		User: fmt.Sprintf("%d:%[1]d", user), Entrypoint: []string{"/usr/local/bin/vedette"}, Cmd: []string{"serve"},
		Env:        []string{"PATH=/usr/local/bin", "VEDETTE_CONFIG=/etc/vedette/vedette.yaml"},
		WorkingDir: "/var/lib/vedette", ExposedPorts: map[string]struct{}{"8700/tcp": {}, "8701/tcp": {}}, Labels: labels,
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return out, err
	}
	out.Image = mutate.Annotations(img, labels).(v1.Image)
	return out, nil
}

// descriptor names the platform as an index does.
func (p platformImage) descriptor() *v1.Platform {
	d := &v1.Platform{OS: p.os, Architecture: p.arch}
	if p.arch == "arm64" {
		d.Variant = "v8"
	}
	return d
}

func history(what string, at time.Time) v1.History {
	return v1.History{Created: v1.Time{Time: at}, CreatedBy: "hack/release", Comment: what}
}

// layer packs files into a compressed layer.
func layer(files []treeFile, at time.Time) (v1.Layer, error) {
	b, err := layerTar(files, at)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}

// digests are the lines of a file that says what a release's images are.
func (im *image) digests() (string, error) {
	var out strings.Builder
	h, err := im.index.Digest()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "%s  %s:%s\n", h, im.name, im.tag)
	for _, p := range im.images {
		if h, err = p.Digest(); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s  %s:%s %s\n", h, im.name, im.tag, p.platform)
	}
	return out.String(), nil
}

// subjects are the images as provenance names them.
func (im *image) subjects() ([]resource, error) {
	all := []partial.Describable{im.index}
	for _, p := range im.images {
		all = append(all, p.Image)
	}
	var out []resource
	for _, d := range all {
		h, err := d.Digest()
		if err != nil {
			return nil, err
		}
		out = append(out, resource{Name: im.name, Digest: map[string]string{"sha256": h.Hex}})
	}
	return out, nil
}
