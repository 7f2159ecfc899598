package config

import (
	"fmt"
	"strings"
)

// RulePack is about the rules that Vedette brings along.
type RulePack struct {
	// Enabled has them in force, beside the operator's own.
	Enabled bool `yaml:"enabled"`
	// Disable names rules of the pack that raise nothing, each by its id or by
	// the type of its findings.
	Disable []string `yaml:"disable"`
}

func (p *RulePack) validate(bad func(key, format string, args ...any)) {
	for i, name := range p.Disable {
		if strings.TrimSpace(name) == "" {
			bad(fmt.Sprintf("detection.rulePack.disable[%d]", i), "is empty; name a rule by its id or finding type, as `vedette rules list` shows them")
		}
	}
}
