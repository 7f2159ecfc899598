package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestBuildOf: what the Go command stamps, in each of the ways to build.
func TestBuildOf(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-11-23T12:00:00Z"}, {Key: "vcs.modified", Value: modified}}
	}
	for name, tc := range map[string]struct {
		main     string
		settings []debug.BuildSetting
		version  string
		release  bool
	}{
		"a tag":                      {"v0.2.0", vcs("false"), "v0.2.0", true},
		"a candidate":                {"v1.0.0-rc.2", vcs("false"), "v1.0.0-rc.2", true},
		"go install of a tag":        {"v0.2.0", nil, "v0.2.0", true},
		"go install of a commit":     {"v0.2.1-0.20261123120000-abababababab", nil, "v0.2.1-0.20261123120000-abababababab", false},
		"a commit after a tag":       {"v0.2.1-0.20261123120000-abababababab", vcs("false"), "v0.2.1-0.20261123120000-abababababab", false},
		"a tag, with changes":        {"v0.2.0+dirty", vcs("true"), "v0.2.0+dirty", false},
		"changes that are not named": {"v0.2.0", vcs("true"), "v0.2.0", false},
		"go run":                     {"(devel)", vcs("false"), "devel-abababababab", false},
		"no repository":              {"(devel)", nil, "devel", false},
		"no build information":       {"", nil, "devel", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := buildOf(&debug.BuildInfo{Main: debug.Module{Version: tc.main}, Settings: tc.settings})
			if b.Version != tc.version || b.Release != tc.release {
				t.Errorf("version %q, release %v; want %q, %v", b.Version, b.Release, tc.version, tc.release)
			}
			if tc.settings != nil && (b.Commit != commit || b.Date == "") {
				t.Errorf("commit %q of %q", b.Commit, b.Date)
			}
		})
	}
}
