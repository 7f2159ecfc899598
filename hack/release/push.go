package main

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
)

// reach says how a registry is reached: with the credentials that `docker login`
// or `helm registry login` have left.
func reach(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("vedette-release")}
}

// push sends the image to a registry, after all that refers to it: nobody sees
// the tag before what is behind it is there. A tag that is there already with
// something else is never moved.
func (im *image) push(ctx context.Context, to string) error {
	tag, err := name.NewTag(to, name.WithDefaultTag(im.tag))
	if err != nil {
		return fmt.Errorf("-push: %w", err)
	}
	options := reach(ctx)
	if err := unmoved(tag, im.index, options); err != nil {
		return err
	}
	for _, a := range im.artifacts {
		img, err := a.image()
		if err != nil {
			return err
		}
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(tag.Digest(digest.String()), img, options...); err != nil {
			return fmt.Errorf("push what refers to the image (%s): %w", a.kind, err)
		}
	}
	if err := remote.WriteIndex(tag, im.index, options...); err != nil {
		return fmt.Errorf("push %s: %w", tag, err)
	}
	return nil
}

// unmoved refuses a tag that exists with something else behind it: who pulled a
// version must get the same again.
func unmoved(tag name.Tag, what partial.Describable, options []remote.Option) error {
	own, err := what.Digest()
	if err != nil {
		return err
	}
	there, err := remote.Head(tag, options...)
	if err == nil && there.Digest != own {
		return fmt.Errorf("%s exists and is %s; this is %s. A version is never pushed twice: make a new one", tag, there.Digest, own)
	}
	return nil // not there, or not to be asked: then the push says why
}

// Types of a chart in a registry.
const (
	chartConfigType = "application/vnd.cncf.helm.config.v1+json"
	chartType       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// pushChart sends the chart to a registry as `helm push` does.
func pushChart(ctx context.Context, c *chart, repository string) error {
	tag, err := name.NewTag(repository + ":" + c.version)
	if err != nil {
		return fmt.Errorf("-registry: %w", err)
	}
	a := artifact{layer: static.NewLayer(c.archive, chartType), config: c.config, configType: chartConfigType}
	if err := a.compose(c.file(), nil, nil); err != nil {
		return err
	}
	img, err := a.image()
	if err != nil {
		return err
	}
	options := reach(ctx)
	if err := unmoved(tag, img, options); err != nil {
		return err
	}
	if err := remote.Write(tag, img, options...); err != nil {
		return fmt.Errorf("push %s: %w", tag, err)
	}
	return nil
}
