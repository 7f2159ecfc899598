package evaluate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Thresholds are what a report must not be worse than, of all types and of
// single ones.
type Thresholds struct {
	Limits `yaml:",inline"`
	Types  map[string]Limits `yaml:"types"`
}

// Limits bound measures; what is nil is not bounded.
type Limits struct {
	Precision    *float64       `yaml:"precision"`    // at least
	Recall       *float64       `yaml:"recall"`       // at least
	FalsePer100k *float64       `yaml:"falsePer100k"` // at most
	DelayP50     *time.Duration `yaml:"delayP50"`     // at most
	DelayP95     *time.Duration `yaml:"delayP95"`     // at most
}

// ParseThresholds reads a YAML file of thresholds.
func ParseThresholds(file string, data []byte) (*Thresholds, error) {
	var t Thresholds
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w; use precision, recall, falsePer100k, delayP50 and delayP95, and types with the same below a type", file, err)
	}
	for _, typ := range slices.Sorted(maps.Keys(t.Types)) {
		if !known(typ) {
			return nil, fmt.Errorf("%s: types: there is no finding type %q; `vedette catalog` lists them", file, typ)
		}
	}
	all := append(slices.Collect(maps.Values(t.Types)), t.Limits)
	if !slices.ContainsFunc(all, func(l Limits) bool { return l != Limits{} }) {
		return nil, fmt.Errorf("%s: it bounds nothing", file)
	}
	return &t, nil
}

// Worse says in words what of a report is worse than the thresholds.
func (t *Thresholds) Worse(r *Report) []string {
	out := t.worse("", &r.Measures)
	for _, typ := range slices.Sorted(maps.Keys(t.Types)) {
		m := &Measures{}
		for i := range r.Types {
			if r.Types[i].Type == typ {
				m = &r.Types[i].Measures
			}
		}
		l := t.Types[typ]
		out = append(out, l.worse(typ+": ", m)...)
	}
	return out
}

func (l *Limits) worse(of string, m *Measures) (out []string) {
	least := func(what string, have, want *float64) {
		if want != nil && (have == nil || *have < *want) {
			out = append(out, fmt.Sprintf("%s%s is %s, at least %s is wanted", of, what, figure(have), figure(want)))
		}
	}
	most := func(what string, have, want *float64) {
		if want != nil && (have == nil || *have > *want) {
			out = append(out, fmt.Sprintf("%s%s is %s, at most %s is wanted", of, what, figure(have), figure(want)))
		}
	}
	least("precision", m.Precision, l.Precision)
	least("recall", m.Recall, l.Recall)
	most("false findings per 100,000 events", m.FalsePer100k, l.FalsePer100k)
	most("the median delay in seconds", m.DelayP50, seconds(l.DelayP50))
	most("the 95th percentile of delays in seconds", m.DelayP95, seconds(l.DelayP95))
	return out
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	v := d.Seconds()
	return &v
}

// figure is a measure in words.
func figure(v *float64) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.4g", *v)
}
