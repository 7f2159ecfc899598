package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// blobs are the content of an OCI image layout: files by name.
type blobs map[string][]byte

func (b blobs) put(h v1.Hash, data []byte) { b["blobs/"+h.Algorithm+"/"+h.Hex] = data }

// addImage adds a manifest, its configuration and its layers.
func (b blobs) addImage(img v1.Image) error {
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	b.put(digest, manifest)
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	name, err := img.ConfigName()
	if err != nil {
		return err
	}
	b.put(name, config)
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := b.addLayer(l); err != nil {
			return err
		}
	}
	return nil
}

func (b blobs) addLayer(l v1.Layer) error {
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	b.put(digest, data)
	return nil
}

// index writes index.json and the file that marks a layout.
func (b blobs) index(manifests []v1.Descriptor) error {
	text, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests})
	if err != nil {
		return err
	}
	b["index.json"] = text
	b["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	return nil
}

// named are the annotations by which containerd and other tools know what an
// image is called.
func (im *image) named(d *v1.Descriptor) v1.Descriptor {
	out := *d
	out.ArtifactType = "" // an image is no artifact
	out.Annotations = map[string]string{"io.containerd.image.name": im.name + ":" + im.tag, "org.opencontainers.image.ref.name": im.tag}
	return out
}

// layout is the image of all architectures with what refers to it.
func (im *image) layout() (blobs, error) {
	b := blobs{}
	for _, p := range im.images {
		if err := b.addImage(p.Image); err != nil {
			return nil, err
		}
	}
	raw, err := im.index.RawManifest()
	if err != nil {
		return nil, err
	}
	index, err := partial.Descriptor(im.index)
	if err != nil {
		return nil, err
	}
	b.put(index.Digest, raw)
	manifests := []v1.Descriptor{im.named(index)}
	for _, a := range im.artifacts {
		img, err := a.image()
		if err != nil {
			return nil, err
		}
		if err := b.addImage(img); err != nil {
			return nil, fmt.Errorf("artifact %s: %w", a.kind, err)
		}
		digest, err := img.Digest()
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, v1.Descriptor{MediaType: types.OCIManifestSchema1, ArtifactType: a.kind, Digest: digest, Size: int64(len(a.manifest))})
	}
	return b, b.index(manifests)
}

// loadable is the image of one platform as `ctr images import` and `docker
// load` take it: a layout that also holds the list of older versions of Docker.
func (im *image) loadable(p platformImage) (blobs, error) {
	b := blobs{}
	if err := b.addImage(p.Image); err != nil {
		return nil, err
	}
	d, err := partial.Descriptor(p.Image)
	if err != nil {
		return nil, err
	}
	d.Platform = p.descriptor()
	manifest, err := p.Manifest()
	if err != nil {
		return nil, err
	}
	path := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	list := []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{{Config: path(manifest.Config.Digest), RepoTags: []string{im.name + ":" + im.tag}}}
	for _, l := range manifest.Layers {
		list[0].Layers = append(list[0].Layers, path(l.Digest))
	}
	if b["manifest.json"], err = json.Marshal(list); err != nil {
		return nil, err
	}
	return b, b.index([]v1.Descriptor{im.named(d)})
}

// files are the blobs as entries of an archive. What marks a layout comes
// first: readers look for it there.
func (b blobs) files() []treeFile {
	var out []treeFile
	for _, name := range slices.Sorted(maps.Keys(b)) {
		f := treeFile{name: name, mode: 0o644, data: b[name]}
		if name == "oci-layout" {
			out = slices.Insert(out, 0, f)
			continue
		}
		out = append(out, f)
	}
	return out
}
