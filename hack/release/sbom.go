package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom is the bill of materials of a program in CycloneDX JSON: every module
// that is linked, by the build information in the binary itself. more are parts
// that are no modules, such as certificates in the image.
func (p *program) sbom(l *licences, more ...cdx.Component) ([]byte, error) {
	root := "pkg:golang/" + module + "@" + p.version
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + uuidOf("sbom of "+p.sha256)
	own := cdx.Component{
		BOMRef: root, Type: cdx.ComponentTypeApplication, Name: "vedette", Version: p.version, PackageURL: root,
		Description: "Threat detection for Kubernetes and AWS", Licenses: licencesChoice("Apache-2.0"),
		Hashes:             &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: p.sha256}},
		ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: repository}},
		Properties:         properties("vedette:platform", p.String(), "vedette:commit", p.source.commit, "vedette:go", p.info.GoVersion),
	}
	bom.Metadata = &cdx.Metadata{
		Timestamp: p.source.date.Format(time.RFC3339), Component: &own,
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: module + "/hack/release", Version: p.version}}},
	}
	parts := []cdx.Component{p.component("std", strings.TrimPrefix(p.info.GoVersion, "go"), "", l)}
	for _, d := range p.info.Deps {
		if d.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s: a release has no replacements", d.Path, d.Replace.Path)
		}
		parts = append(parts, p.component(d.Path, d.Version, d.Sum, l))
	}
	parts = append(parts, more...)
	refs := make([]string, len(parts))
	for i := range parts {
		refs[i] = parts[i].BOMRef
	}
	bom.Components, bom.Dependencies = &parts, &[]cdx.Dependency{{Ref: root, Dependencies: &refs}}
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// component is one Go module. Its checksum in go.sum is that of a list of
// files, none of an archive, so that it is no hash in the sense of the format.
func (p *program) component(path, version, sum string, l *licences) cdx.Component {
	purl := "pkg:golang/" + path + "@" + version
	c := cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl, Scope: cdx.ScopeRequired}
	if id := l.ids[path]; id != "" {
		c.Licenses = licencesChoice(id)
	}
	if sum != "" {
		c.Properties = properties("vedette:go.sum", sum)
	}
	return c
}

// licencesChoice says one licence by its id, several as an expression.
func licencesChoice(id string) *cdx.Licenses {
	if strings.Contains(id, " ") {
		return &cdx.Licenses{{Expression: id}}
	}
	return &cdx.Licenses{{License: &cdx.License{ID: id}}}
}

func properties(pairs ...string) *[]cdx.Property {
	var out []cdx.Property
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, cdx.Property{Name: pairs[i], Value: pairs[i+1]})
	}
	return &out
}

// uuidOf is a UUID that a text determines (version 8 of RFC 9562).
func uuidOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
