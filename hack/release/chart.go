package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// chartDir is where the chart is in the source.
const chartDir = "deploy/helm/vedette"

// chart is the Helm chart, packed as `helm package` does.
type chart struct {
	version string
	archive []byte
	config  []byte // Chart.yaml as JSON, which a registry keeps beside
}

func (c *chart) file() string { return "vedette-" + c.version + ".tgz" }

var chartVersion = regexp.MustCompile(`(?m)^(version|appVersion): .*$`)

// packChart packs the chart with the version of the release: that of the chart
// and that of the image are one.
func (s *source) packChart(version string) (*chart, error) {
	c := &chart{version: tagOf(version)}
	meta, err := s.file(chartDir + "/Chart.yaml")
	if err != nil {
		return nil, fmt.Errorf("the chart: %w", err)
	}
	if n := len(chartVersion.FindAll(meta, -1)); n != 2 {
		return nil, fmt.Errorf("%s/Chart.yaml: %d lines with version and appVersion, want 2", chartDir, n)
	}
	meta = chartVersion.ReplaceAll(meta, []byte(`${1}: "`+c.version+`"`))
	var fields map[string]any
	if err := yaml.Unmarshal(meta, &fields); err != nil {
		return nil, fmt.Errorf("%s/Chart.yaml: %w", chartDir, err)
	}
	if c.config, err = json.Marshal(fields); err != nil {
		return nil, fmt.Errorf("%s/Chart.yaml: %w", chartDir, err)
	}
	files, err := s.chartFiles(meta)
	if err != nil {
		return nil, err
	}
	c.archive, err = tarGz(files, s.date)
	return c, err
}

// chartFiles are the files of the chart but those that .helmignore names.
func (s *source) chartFiles(meta []byte) ([]treeFile, error) {
	root := filepath.Join(s.dir, filepath.FromSlash(chartDir))
	ignore, err := s.file(chartDir + "/.helmignore")
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var out []treeFile
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if ignored(string(ignore), rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		f := treeFile{name: "vedette/" + rel, mode: 0o644, from: name}
		if rel == "Chart.yaml" {
			f.from, f.data = "", meta
		}
		out = append(out, f)
		return nil
	})
	return out, err
}

// ignored reports whether a pattern of .helmignore is about a file: one
// without a slash about its name, one with a slash about its path.
func ignored(patterns, rel string) bool {
	for line := range strings.Lines(patterns) {
		p := strings.TrimSuffix(strings.TrimSpace(line), "/")
		if p == "" || strings.HasPrefix(p, "#") {
			continue
		}
		of := path.Base(rel)
		if strings.Contains(p, "/") {
			p, of = strings.TrimPrefix(p, "/"), rel
		}
		if ok, err := path.Match(p, of); ok && err == nil {
			return true
		}
	}
	return false
}

// verifyChart looks whether a packed chart can be read again.
func (c *chart) verify() error {
	names, err := namesIn(bytes.NewReader(c.archive))
	if err != nil {
		return err
	}
	for _, want := range []string{"vedette/Chart.yaml", "vedette/values.yaml", "vedette/templates/_names.tpl"} {
		if !names[want] {
			return fmt.Errorf("the packed chart lacks %s", want)
		}
	}
	return nil
}
