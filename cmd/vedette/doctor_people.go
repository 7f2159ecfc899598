package main

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/app"
)

// people asks the identity provider, as a login would.
func (d *doctor) people(ctx context.Context) {
	const name = "identity provider"
	p, err := app.OpenPeople(ctx, d.cfg, d.now)
	if err != nil {
		d.say(statusFault, name, "%v", err)
		return
	}
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		d.say(statusFault, name, "%v; until it answers people cannot log in, access keys work", err)
		return
	}
	d.say(statusOK, name, "%s answers, and publishes keys that are taken here", d.cfg.Access.OIDC.Issuer)
}
