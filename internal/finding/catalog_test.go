package finding

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// implemented are the types that this build raises; the list stands here so
// that a slip in the data file shows.
var implemented = []string{
	"CredentialAccess:Kubernetes/SuccessfulAnonymousAccess",
	"DefenseEvasion:Kubernetes/SuccessfulAnonymousAccess",
	"Discovery:Kubernetes/SuccessfulAnonymousAccess",
	"Execution:Kubernetes/ExecInKubeSystemPod",
	"Impact:Kubernetes/SuccessfulAnonymousAccess",
	"Persistence:Kubernetes/ContainerWithSensitiveMount",
	"Persistence:Kubernetes/SuccessfulAnonymousAccess",
	"Policy:Kubernetes/AdminAccessToDefaultServiceAccount",
	"Policy:Kubernetes/AnonymousAccessGranted",
	"Policy:Kubernetes/ExposedDashboard",
	"Policy:Kubernetes/KubeflowDashboardExposed",
	"PrivilegeEscalation:Kubernetes/PrivilegedContainer",
}

func TestCatalogIsWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Za-z]+:[A-Z][A-Za-z0-9]+/[A-Za-z&.!]+$`)
	technique := regexp.MustCompile(`^(T\d{4}(\.\d{3})?|AML\.T\d{4})?$`)
	labels := map[float64]string{2: "Low", 5: "Medium", 8: "High", 9: "Critical"}
	seen := map[string]bool{}
	var done []string
	for _, ft := range Catalog() {
		if !name.MatchString(ft.Name) || seen[ft.Name] {
			t.Errorf("%q: malformed or twice", ft.Name)
		}
		seen[ft.Name] = true
		if labels[ft.Severity] != ft.SeverityLabel || SeverityLabel(ft.Severity) != ft.SeverityLabel {
			t.Errorf("%s: severity %v is not %q", ft.Name, ft.Severity, ft.SeverityLabel)
		}
		if !technique.MatchString(ft.Technique) {
			t.Errorf("%s: technique %q", ft.Name, ft.Technique)
		}
		if ft.ResourceType == "" || ft.Source == "" || ft.Detector == "" || ft.Trigger == "" || len(ft.Remediation) == 0 {
			t.Errorf("%s: an empty column", ft.Name)
		}
		switch ft.Status {
		case StatusImplemented:
			done = append(done, ft.Name)
		case StatusPlanned:
		default:
			t.Errorf("%s: status %q", ft.Name, ft.Status)
		}
		if got, ok := Lookup(ft.Name); !ok || got.Name != ft.Name {
			t.Errorf("Lookup(%q) = %v, %v", ft.Name, got.Name, ok)
		}
	}
	if len(seen) != 231 {
		t.Errorf("%d types, want 229 active ones and 2 retired", len(seen))
	}
	slices.Sort(done)
	if !slices.Equal(done, implemented) {
		t.Errorf("implemented types are %q, want %q", done, implemented)
	}
	if _, ok := Lookup("No:Such/Type"); ok {
		t.Error("an unknown type was found")
	}
}

// A type that is raised must tell its reader what to type; and no section of
// the remediation file may be out of reach behind an earlier one.
func TestRemediation(t *testing.T) {
	for _, name := range implemented {
		ft, _ := Lookup(name)
		if steps := strings.Join(ft.Remediation, "\n"); len(ft.Remediation) < 4 || !strings.Contains(steps, "kubectl ") {
			t.Errorf("%s: no ready commands in %q", name, steps)
		}
	}
	remedies, err := parseRemediation(remediationText)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for _, r := range remedies {
		used[r.steps[0]] = 0
	}
	for _, ft := range Catalog() {
		used[ft.Remediation[0]]++
	}
	for _, first := range slices.Sorted(maps.Keys(used)) {
		if used[first] == 0 {
			t.Errorf("no type reaches the section that begins %q", first)
		}
	}
}

func TestParseCatalogFaults(t *testing.T) {
	const head = "type\tx\n"
	for _, tc := range []struct{ name, tsv, remediation, want string }{
		{"columns", head + "a\tb\n", "== *\nstep\n", "line 2 has 2 columns"},
		{"severity", head + strings.Repeat("x\t", 10) + "x\n", "== *\nstep\n", "severity"},
		{"no steps", head + "A:B/C\tr\ts\t2\tLow\td\t\t\tplanned\tt\t\n", "== X\nstep\n", "no remediation for A:B/C"},
		{"headless", "", "step\n", "before the first head"},
		{"pattern", "", "== [\n", "line 1"},
	} {
		_, err := parseCatalog(tc.tsv, tc.remediation)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}

func TestSeverityLabel(t *testing.T) {
	for s, want := range map[float64]string{0: "Low", 1: "Low", 3.9: "Low", 4: "Medium", 6.9: "Medium", 7: "High", 8.9: "High", 9: "Critical", 10: "Critical"} {
		if got := SeverityLabel(s); got != want {
			t.Errorf("SeverityLabel(%v) = %s, want %s", s, got, want)
		}
	}
}
