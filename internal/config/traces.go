package config

// Traces are where spans of the line go.
type Traces struct {
	// Endpoint is the URL of an OTLP receiver over HTTP; "" sends none.
	Endpoint string `yaml:"endpoint"`
}

func (t *Traces) validate(func(key, format string, args ...any)) {}
