package container

import (
	"slices"
	"strings"
)

// builder is a program that makes images, and the repositories of the images
// that it comes in.
//
// A build runs what it has just written: packages, compilers, scripts. That is
// an attacker's habit, too, so nothing that a container says of itself makes it
// a build. Two things do. Its control group or its containerd namespace is the
// builder's: only a daemon on the node can have that made (Ref.Build). Or its
// image is, by the name under which the runtime pulled it, a builder's, and the
// process comes from the builder's program, unchanged as the image has it. Who
// wants to pass for a build must run their commands as a build's steps.
type builder struct {
	images   []string // repositories
	programs []string // paths in the image
}

// Well-known builders, from their documentation on 2026-11-22.
func withImages(more []string) []builder {
	all := []builder{
		{[]string{"gcr.io/kaniko-project/executor", "ghcr.io/osscontainertools/kaniko", "ghcr.io/kaniko-build/dist/chainguard-dev-kaniko/executor"}, []string{"/kaniko/executor"}},
		{[]string{"docker.io/moby/buildkit"}, []string{"/usr/bin/buildkitd", "/usr/bin/buildkit-runc"}},
		{[]string{"quay.io/buildah/stable", "quay.io/buildah/upstream", "quay.io/buildah/testing", "quay.io/podman/stable", "quay.io/podman/upstream"}, []string{"/usr/bin/buildah", "/usr/bin/podman"}},
	}
	own := builder{images: more}
	for _, b := range all {
		own.programs = append(own.programs, b.programs...)
	}
	return append(all, own)
}

// Builder reports whether a program is the builder of the image it runs in.
// The caller has made sure that the program is the image's own.
func (s *Store) Builder(c *Container, program string) bool {
	repository := repositoryOf(c.Image)
	return slices.ContainsFunc(s.builders, func(b builder) bool {
		return slices.Contains(b.images, repository) && slices.Contains(b.programs, program)
	})
}

// repositoryOf cuts tag and digest off an image's name.
func repositoryOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		image = image[:at]
	}
	return image
}
