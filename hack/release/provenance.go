package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// Types of in-toto and SLSA.
const (
	statementType  = "https://in-toto.io/Statement/v1"
	provenanceType = "https://slsa.dev/provenance/v1"
	// buildType says how to read the parameters: the page tells what was run.
	buildType = repository + "/blob/main/docs/releasing.md#provenance"
)

// statement is an in-toto statement with SLSA provenance. It has no time and
// no name of a machine: who builds the same gets the same.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

type provenance struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	InternalParameters   map[string]any    `json:"internalParameters"`
	ResolvedDependencies []resource        `json:"resolvedDependencies"`
}

type runDetails struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
}

// provenanceOf says of what, and how, some programs were built, and what was
// made of them.
func provenanceOf(s *source, version string, programs []*program, subjects []resource) ([]byte, error) {
	st := statement{Type: statementType, Subject: subjects, PredicateType: provenanceType}
	def := &st.Predicate.BuildDefinition
	def.BuildType = buildType
	def.ExternalParameters = map[string]string{"source": "git+" + repository, "commit": s.commit, "version": version}
	var names []string
	modules := map[string]*debug.Module{}
	for _, p := range programs {
		names = append(names, p.String())
		for _, d := range p.info.Deps {
			modules[d.Path+"@"+d.Version] = d
		}
	}
	var environment []string
	for _, e := range programs[0].environment() {
		if !strings.HasPrefix(e, "GOOS=") && !strings.HasPrefix(e, "GOARCH=") {
			environment = append(environment, e)
		}
	}
	def.InternalParameters = map[string]any{
		"platforms": names, "go": programs[0].info.GoVersion, "arguments": arguments("vedette"), "environment": environment,
	}
	def.ResolvedDependencies = []resource{{URI: "git+" + repository, Digest: map[string]string{"gitCommit": s.commit}}}
	for _, d := range sorted(modules) {
		digest, err := dirHash(d.Sum)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Path, err)
		}
		uri := "pkg:golang/" + d.Path + "@" + d.Version
		def.ResolvedDependencies = append(def.ResolvedDependencies, resource{URI: uri, Digest: map[string]string{"dirHash": digest}})
	}
	st.Predicate.RunDetails.Builder.ID = repository + "/tree/" + s.commit + "/hack/release"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(st)
	return out.Bytes(), err
}

func sorted(modules map[string]*debug.Module) []*debug.Module {
	var out []*debug.Module
	for _, m := range modules {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *debug.Module) int { return strings.Compare(a.Path+" "+a.Version, b.Path+" "+b.Version) })
	return out
}

// dirHash is a checksum of go.sum as in-toto writes it.
func dirHash(sum string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:"))
	if err != nil || len(b) != 32 {
		return "", fmt.Errorf("%q is no checksum of a module", sum)
	}
	return hex.EncodeToString(b), nil
}
