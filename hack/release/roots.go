package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// authorities are the public certificate authorities that the image trusts:
// those of Mozilla's program, as the Go project packs them, in PEM. One that is
// trusted under a condition is left out, since a file cannot say conditions, and
// who reads it would trust more than Mozilla does.
func authorities() ([]byte, error) {
	var out strings.Builder
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, fmt.Errorf("a root of %s: %w", rootsModule, err)
		}
		fmt.Fprintf(&out, "# %s\n%s", cert.Subject, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return []byte(out.String()), nil
}

// authoritiesComponent is their entry in the bill of materials.
func authoritiesComponent(pemFile []byte) cdx.Component {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == rootsModule {
				version = d.Version
			}
		}
	}
	sum := sha256.Sum256(pemFile)
	purl := "pkg:golang/" + rootsModule + "@" + version
	return cdx.Component{
		BOMRef: purl, Type: cdx.ComponentTypeData, Name: "certificate authorities of Mozilla's root program (" + rootsModule + ")",
		Version: version, PackageURL: purl, Licenses: licencesChoice("MPL-2.0 AND BSD-3-Clause"),
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
	}
}
