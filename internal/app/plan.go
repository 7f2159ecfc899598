package app

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// plan is which analyses the operator has switched off.
type plan struct {
	all      bool            // the detector was deleted or suspended
	features map[string]bool // those that are off; mostly none
	runtime  bool            // records of sensors are off
	// accounts are what is off in other accounts beside.
	accounts map[string]*plan
}

// readPlan reads the detectors. Where none was ever made, records are judged:
// findings wait for it. What the detector of the own account has off is off
// for all; another account's counts for its own records.
func (j *judge) readPlan(tx *store.Tx) (*plan, error) {
	own := finding.DetectorID(j.home.Account, j.home.Region)
	live, err := tx.LiveDetectors()
	if err != nil {
		return nil, err
	}
	var p *plan
	accounts := map[string]*plan{}
	for i := range live {
		switch d := &live[i]; {
		case d.ID == own:
			p = planOf(d)
		case d.Region == j.home.Region:
			accounts[d.Account] = chosenPlan(d)
		}
	}
	if p == nil { // none, or one that was deleted
		d, err := tx.Detector(own)
		if errors.Is(err, finding.ErrNotFound) {
			return &plan{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the detector: %w", err)
		}
		p = planOf(&d)
	}
	p.accounts = accounts
	return p, nil
}

// chosenPlan is the plan of another account's detector: of its features only
// those are off that somebody switched off. What its account never chose is
// as the administrator has it.
func chosenPlan(d *finding.Detector) *plan {
	chosen := *d
	chosen.Features = slices.Clone(d.Features)
	for i := range chosen.Features {
		if f := &chosen.Features[i]; !f.Chosen {
			f.Enabled = true
		}
	}
	p := planOf(&chosen)
	p.runtime = runtimeOff(d)
	return p
}

func planOf(d *finding.Detector) *plan {
	p := &plan{all: !d.DeletedAt.IsZero() || !d.Enabled, features: map[string]bool{}, runtime: runtimeOff(d)}
	for _, f := range d.Features {
		if !f.Enabled {
			p.features[f.Name] = true
		}
	}
	return p
}

// runtimeOff reports whether records of sensors are not to be analysed. Of two
// features either switches that on. A new detector has both off, as there is no
// agent in a new account; here who runs a sensor wants its records judged, so
// that only somebody's choice switches it off.
func runtimeOff(d *finding.Detector) bool {
	chosen := false
	for _, f := range d.Features {
		if f.Name != "EKS_RUNTIME_MONITORING" && f.Name != "RUNTIME_MONITORING" {
			continue
		}
		if f.Enabled {
			return false
		}
		chosen = chosen || f.Chosen
	}
	return chosen
}

// off reports whether a record is not to be analysed.
func (p *plan) off(ev *event.Event) bool {
	if p.here(ev) {
		return true
	}
	of := p.accounts[ev.Scope.Account]
	return of != nil && of.here(ev)
}

func (p *plan) here(ev *event.Event) bool {
	if p.all || len(p.features) == 0 {
		return p.all
	}
	if ev.Runtime != nil {
		return p.runtime
	}
	return p.features[featureOf(ev)]
}

// featureOf is the detector feature that a record belongs to, in GuardDuty's
// words. The foundational ones cannot be switched off there, and are never set.
func featureOf(ev *event.Event) string {
	switch {
	case ev.Audit != nil:
		return "EKS_AUDIT_LOGS"
	case ev.Trail != nil && !ev.Trail.Management && ev.Trail.Service == "s3.amazonaws.com":
		return "S3_DATA_EVENTS"
	case ev.Trail != nil:
		return "CLOUD_TRAIL"
	case ev.Flow != nil && ev.Flow.Function != "":
		return "LAMBDA_NETWORK_LOGS"
	case ev.Flow != nil:
		return "FLOW_LOGS"
	}
	return "DNS_LOGS"
}
