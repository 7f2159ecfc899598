package app

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/trace"
)

// startTraces begins to send spans to where the configuration says.
func (a *App) startTraces() error {
	c := &a.Config.Traces
	if c.Endpoint == "" {
		return nil
	}
	b := &targetBuilder{}
	fixed := http.Header{}
	for name, value := range c.Headers {
		filled, err := b.fill("traces.headers."+name, value)
		if err != nil {
			return err
		}
		fixed.Set(name, filled)
	}
	header := func() (http.Header, error) {
		token, err := secret("traces.tokenFile", c.TokenFile)
		if err != nil || token == "" {
			return fixed, err
		}
		h := fixed.Clone()
		h.Set("Authorization", "Bearer "+token)
		return h, nil
	}
	if _, err := header(); err != nil {
		return err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pool, err := authorities("traces.caFile", c.CAFile)
		if err != nil {
			return fmt.Errorf("read who may sign the receiver's certificate: %w", err)
		}
		conf.RootCAs = pool
	}
	a.tracer = trace.New(trace.Options{
		URL: strings.TrimSuffix(c.Endpoint, "/") + "/v1/traces", Client: target.NewClient(conf), Header: header,
		Sample: c.Sample, Slow: c.Slow, Version: a.Version,
		Resource: map[string]string{
			"service.name": "vedette", "service.version": a.Version, "service.instance.id": a.machine(), "vedette.role": a.Role,
		},
		Now: a.Now, Sleep: pause, Log: a.Log, Observe: a.metrics.traced,
	})
	a.background("end sending traces", a.tracer.Run)
	return nil
}
