package finding

// ManagesSensors reports whether the detector wants the runtime sensor of its
// clusters to be installed and kept for it: in GuardDuty's words, Runtime
// Monitoring with the management of the EKS add-on, which two features have.
func (d *Detector) ManagesSensors() bool {
	return d.monitorsRuntime(func(f *Feature) bool {
		for _, a := range f.Additional {
			if a.Name == "EKS_ADDON_MANAGEMENT" && a.Enabled {
				return true
			}
		}
		return false
	})
}

// MonitorsRuntime reports whether the detector asks for Runtime Monitoring.
func (d *Detector) MonitorsRuntime() bool {
	return d.monitorsRuntime(func(*Feature) bool { return true })
}

func (d *Detector) monitorsRuntime(also func(*Feature) bool) bool {
	if !d.Enabled || !d.DeletedAt.IsZero() {
		return false
	}
	for i := range d.Features {
		f := &d.Features[i]
		if (f.Name == "EKS_RUNTIME_MONITORING" || f.Name == "RUNTIME_MONITORING") && f.Enabled && also(f) {
			return true
		}
	}
	return false
}
