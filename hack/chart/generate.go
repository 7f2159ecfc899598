package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	docPath       = "docs/helm.md"
	manifestsPath = "deploy/manifests/vedette.yaml"
	tableBegin    = "<!-- values: made by `cd hack/chart && go run .` -->\n"
	tableEnd      = "<!-- end of values -->\n"
)

// made is a file that is generated.
type made struct {
	path string // from the root of the repository
	text []byte
}

// generate makes every file but the manifests, which are rendered from them.
func generate(_ context.Context, root string) ([]made, error) {
	var out []made
	s, err := schema(root)
	if err != nil {
		return nil, err
	}
	out = append(out, made{chartPath + "/values.schema.json", s})
	doc, err := page(root)
	if err != nil {
		return nil, err
	}
	out = append(out, made{docPath, doc})
	// A chart cannot read files outside its folder.
	for from, to := range map[string]string{
		"deploy/alerts/vedette.rules.yaml": "vedette.rules.yaml",
		"deploy/grafana/vedette.json":      "dashboard.json",
	} {
		text, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			return nil, err
		}
		out = append(out, made{chartPath + "/files/" + to, text})
	}
	return out, nil
}

// page is docs/helm.md with its table of values made anew.
func page(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, docPath))
	if err != nil {
		return nil, err
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return nil, fmt.Errorf("%s has no place for the table of values: %q … %q", docPath, tableBegin, tableEnd)
	}
	list, _, err := readValues(root)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(before + tableBegin + "| value | default | |\n| --- | --- | --- |\n")
	for _, v := range list {
		d, err := shown(v.node)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.path, d, strings.ReplaceAll(v.text, "|", `\|`))
	}
	b.WriteString(tableEnd + after)
	return []byte(b.String()), nil
}

const manifestsHead = `# Vedette with its sensor, without Helm: one server with a volume, in the namespace vedette.
#   kubectl apply -f vedette.yaml
# Rendered from the chart by: cd hack/chart && go run .
# Change it with Kustomize (deploy/kustomize), or use the chart (docs/helm.md).
apiVersion: v1
kind: Namespace
metadata:
  name: vedette
  labels:
    pod-security.kubernetes.io/enforce: privileged # the sensor sees the whole node
`

// manifests are the objects of the chart with its defaults, for kubectl apply.
func manifests(ctx context.Context, root string) ([]byte, error) {
	text, err := template(ctx, root, "--set", "tests.enabled=false")
	if err != nil {
		return nil, err
	}
	// Labels that only Helm uses, and where each piece came from.
	for _, line := range []string{`\s+helm\.sh/chart: .*`, `\s+app\.kubernetes\.io/managed-by: Helm`, `# Source: .*`} {
		text = regexp.MustCompile(`(?m)^`+line+`\n`).ReplaceAll(text, nil)
	}
	text = regexp.MustCompile(`\n\n+`).ReplaceAll(text, []byte("\n"))
	return append([]byte(manifestsHead), bytes.TrimLeft(text, "\n")...), nil
}
