package config

import "time"

// Sequences says how attacks of several steps are found.
type Sequences struct {
	// Window is how far apart the steps of an attack may be; 0 switches attack
	// sequences off.
	Window time.Duration `yaml:"window"`
	// IgnoreSuppressed leaves findings out that a suppression rule archived, as
	// GuardDuty does. Otherwise a rule that is too wide hides single findings,
	// and not the attack they are part of.
	IgnoreSuppressed bool `yaml:"ignoreSuppressed"`
}

func (s *Sequences) validate(bad func(key, format string, args ...any)) {
	if s.Window != 0 && (s.Window < time.Hour || s.Window > 7*24*time.Hour) {
		bad("detection.sequences.window", "%s is not from 1h to 168h, or 0 for none", s.Window)
	}
}
