// Release makes what a release of Vedette consists of: container images,
// archives, the Helm chart, bills of materials, provenance, checksums and a
// signature. It needs Go and git, and no container engine. The same commit gives
// the same bytes on every machine. See docs/releasing.md.
package main
