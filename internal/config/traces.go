package config

import (
	"net/url"
	"strings"
	"time"
)

// Traces are where spans of the line go.
type Traces struct {
	// Endpoint is the URL of an OTLP receiver over HTTP, without /v1/traces;
	// "" traces nothing.
	Endpoint string `yaml:"endpoint"`
	// Sample is which part of the pushes, objects and API requests is traced,
	// from 0 to 1. One that comes with a traceparent is as that says.
	Sample float64 `yaml:"sample"`
	// Slow is how long a step takes that is told of in any case; 0 is none.
	Slow time.Duration `yaml:"slow"`
	// Headers go with each request; ${NAME} is a variable of the environment.
	Headers map[string]string `yaml:"headers,omitempty"`
	// TokenFile holds a bearer token; it is read again when it changes.
	TokenFile string `yaml:"tokenFile"`
	// CAFile holds authorities that may have signed the receiver's certificate, PEM.
	CAFile string `yaml:"caFile"`
}

func defaultTraces() Traces { return Traces{Sample: 0.01, Slow: time.Second} }

func (t *Traces) validate(bad func(key, format string, args ...any)) {
	if t.Sample < 0 || t.Sample > 1 || t.Sample != t.Sample {
		bad("traces.sample", "%v is not a part; write a number from 0 (none) to 1 (all)", t.Sample)
	}
	if t.Slow < 0 {
		bad("traces.slow", "%s is below 0", t.Slow)
	}
	if t.Endpoint == "" {
		if t.TokenFile != "" || t.CAFile != "" || len(t.Headers) > 0 {
			bad("traces.endpoint", "is empty; name the OTLP receiver, such as http://127.0.0.1:4318, or take out the other keys")
		}
		return
	}
	u, err := url.Parse(t.Endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		bad("traces.endpoint", "it is not an http or https URL, such as http://127.0.0.1:4318")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad("traces.endpoint", "it has more than host, port and path; a token belongs into traces.tokenFile or traces.headers")
	case strings.HasSuffix(u.Path, "/v1/traces"):
		bad("traces.endpoint", "leave out /v1/traces; it is added")
	}
}
