package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Types of what refers to an image.
const (
	sbomType   = "application/vnd.cyclonedx+json"
	intotoType = "application/vnd.in-toto+json"
	emptyType  = "application/vnd.oci.empty.v1+json"
)

// artifact is a manifest of the OCI that holds one document. One that is about
// an image refers to it: a registry lists it among the image's referrers.
type artifact struct {
	kind       string // "" where the configuration says it
	manifest   []byte
	config     []byte
	configType types.MediaType
	layer      v1.Layer
	platform   string // of what it refers to, for people
	document   []byte
}

// newArtifact makes one that refers to an image.
func newArtifact(kind, title string, document []byte, subject v1.Descriptor, annotations map[string]string) (artifact, error) {
	a := artifact{kind: kind, layer: static.NewLayer(document, types.MediaType(kind)), config: []byte("{}"), configType: emptyType, document: document}
	// A registry lists it by what the subject is called, not by where it runs.
	about := &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	return a, a.compose(title, about, annotations)
}

// compose writes the manifest.
func (a *artifact) compose(title string, subject *v1.Descriptor, annotations map[string]string) error {
	content, err := partial.Descriptor(a.layer)
	if err != nil {
		return err
	}
	content.Annotations = map[string]string{"org.opencontainers.image.title": title}
	config, size, err := v1.SHA256(bytes.NewReader(a.config))
	if err != nil {
		return err
	}
	a.manifest, err = json.Marshal(struct {
		Version      int               `json:"schemaVersion"`
		MediaType    types.MediaType   `json:"mediaType"`
		ArtifactType string            `json:"artifactType,omitempty"`
		Config       v1.Descriptor     `json:"config"`
		Layers       []v1.Descriptor   `json:"layers"`
		Subject      *v1.Descriptor    `json:"subject,omitempty"`
		Annotations  map[string]string `json:"annotations,omitempty"`
	}{2, types.OCIManifestSchema1, a.kind, v1.Descriptor{MediaType: a.configType, Size: size, Digest: config}, []v1.Descriptor{*content}, subject, annotations})
	return err
}

// image is the artifact as libraries of images take it.
func (a artifact) image() (v1.Image, error) { return partial.CompressedToImage(a) }

// RawConfigFile is what an image has as its configuration.
func (a artifact) RawConfigFile() ([]byte, error) { return a.config, nil }

// MediaType is that of the manifest.
func (a artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest is the manifest.
func (a artifact) RawManifest() ([]byte, error) { return a.manifest, nil }

// LayerByDigest finds the document, or the configuration, which is a blob, too.
func (a artifact) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range []v1.Layer{a.layer, static.NewLayer(a.config, a.configType)} {
		own, err := l.Digest()
		if err != nil {
			return nil, err
		}
		if own == h {
			return l, nil
		}
	}
	return nil, fmt.Errorf("the artifact has no blob %s", h)
}

// describe makes the bill of materials of each image, and the provenance of
// all, into artifacts that refer to them.
func (im *image) describe(s *source, version string, programs []*program) error {
	created := map[string]string{"org.opencontainers.image.created": s.labels(version)["org.opencontainers.image.created"]}
	for _, p := range im.images {
		subject, err := partial.Descriptor(p.Image)
		if err != nil {
			return err
		}
		a, err := newArtifact(sbomType, "sbom.cdx.json", p.sbom, *subject, created)
		if err != nil {
			return err
		}
		a.platform = p.String()
		im.artifacts = append(im.artifacts, a)
	}
	subjects, err := im.subjects()
	if err != nil {
		return err
	}
	document, err := provenanceOf(s, version, programs, subjects)
	if err != nil {
		return err
	}
	// Who has the index asks for its provenance, and who has one image for that.
	about := []partial.Describable{im.index}
	for _, p := range im.images {
		about = append(about, p.Image)
	}
	with := map[string]string{"in-toto.io/predicate-type": provenanceType}
	for k, v := range created {
		with[k] = v
	}
	for _, d := range about {
		subject, err := partial.Descriptor(d)
		if err != nil {
			return err
		}
		a, err := newArtifact(intotoType, "provenance.json", document, *subject, with)
		if err != nil {
			return err
		}
		im.artifacts = append(im.artifacts, a)
	}
	return nil
}
