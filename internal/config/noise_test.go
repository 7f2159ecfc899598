package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoise: what is written is what is meant, and mistakes are named.
func TestNoise(t *testing.T) {
	c, err := Parse([]byte("detection: {noise: {findingsPerTypeAndDay: 0, types: {\"Recon:EC2/Portscan\": 7}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Detection.Noise = Noise{Types: map[string]int{"Recon:EC2/Portscan": 7}}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
	for text, part := range map[string]string{
		"findingsPerTypeAndDay: -1":     "detection.noise.findingsPerTypeAndDay: -1 is not from 1 to 1000",
		"findingsPerTypeAndDay: 1001":   "1001 is not",
		`types: {"T:X/Y": -5}`:          `detection.noise.types["T:X/Y"]: -5 is not`,
		"findingsPerDay: 3":             "findingsPerDay",
		`types: ["Recon:EC2/Portscan"]`: "line 1",
	} {
		if _, err := Parse([]byte("detection: {noise: {" + text + "}}\n")); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q in it", text, err, part)
		}
	}
}
