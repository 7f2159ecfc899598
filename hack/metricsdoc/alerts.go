package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var metricName = regexp.MustCompile(`vedette_[a-z0-9_]+`)

// alerts says which alerts use a metric, by its name.
func alerts(path string) (map[string][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := map[string][]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			for _, name := range metricName.FindAllString(r.Expr, -1) {
				if name = family(name); !slices.Contains(out[name], r.Alert) {
					out[name] = append(out[name], r.Alert)
				}
			}
		}
	}
	return out, nil
}

// family is the metric that a sample's name belongs to: those of a histogram
// have endings.
func family(sample string) string {
	for _, end := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(sample, end); ok {
			return name
		}
	}
	return sample
}
