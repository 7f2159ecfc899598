package target

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// OCSF is a finding as targets of the format ocsf get it, as of its last change.
func OCSF(f *finding.Finding, version string) ([]byte, error) {
	at, err := time.Parse(time.RFC3339, f.UpdatedAt)
	if err != nil { // a finding that was put there by hand
		at = time.UnixMilli(0)
	}
	e := publish.FindingEvent(f, at)
	e.Update = f.Service != nil && f.Service.Count > 1
	return encode(ocsfOf(&e, version))
}
